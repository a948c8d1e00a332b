//! Deployments that are as they should be.

use crate::wait::DEADLINE;
use crate::{ApiError, Session, VerbError};
use serde_json::Value;
use std::time::Duration;

/// How often the cluster is looked at while it is waited for.
const POLL: Duration = Duration::from_millis(200);

impl Session {
    /// Waits until a Deployment is as it should be.
    pub(crate) async fn until_deployed(&self, namespace: &str, name: &str) -> Result<(), VerbError> {
        let path = format!("/apis/apps/v1/namespaces/{namespace}/deployments/{name}");
        let looking = async {
            loop {
                match self.find(&path).await {
                    Ok(Some(found)) if is_deployed(&found) => return Ok(()),
                    Ok(_) | Err(ApiError::Unreachable { .. }) => {}
                    Err(error) => return Err(VerbError::from(error)),
                }
                self.clock.sleep(POLL).await;
            }
        };
        let ended = self.clock.timeout(self.left(), looking).await;
        ended.unwrap_or_else(|_| Err(VerbError::failed(DEADLINE)))
    }
}

/// Whether a Deployment is current, as kstatus says: seen, rolled out, available. One that wants no pods is current without any.
pub(crate) fn is_deployed(deployment: &Value) -> bool {
    let (spec, status) = (&deployment["spec"], &deployment["status"]);
    let wanted = spec["replicas"].as_i64().unwrap_or(1);
    let count = |field: &str| status[field].as_i64().unwrap_or(0);
    let available = |condition: &Value| condition["type"] == "Available" && condition["status"] == "True";
    status["observedGeneration"] == deployment["metadata"]["generation"]
        && count("replicas") == wanted
        && count("updatedReplicas") == wanted
        && count("availableReplicas") == wanted
        && count("readyReplicas") == wanted
        && status["conditions"].as_array().is_some_and(|all| all.iter().any(available))
}
