//! Asking again within one request, as the usual client (go-containerregistry) does when a registry is in trouble.

use super::{OciAddress, OciChallenge, OciError, OciManifest, OciRegistries, OciTags};
use crate::source::Secret;
use bytes::Bytes;
use futures::future::BoxFuture;
use seatrial_api::FluxRelease;
use seatrial_time::{Clock, Signal};
use std::sync::Arc;
use std::time::Duration;

/// Registries, asked up to three times where the answer is one that may pass.
///
/// Seen with the libraries of both releases (jitter left out, up to 10 percent): 0.19 waits 0.1 and 0.3 seconds, 0.22 waits 1 and
/// 3 seconds and repeats 429, too. Neither heeds `Retry-After`.
pub(crate) struct Repeating {
    registries: Arc<dyn OciRegistries>,
    clock: Clock,
    flux: FluxRelease,
}

impl Repeating {
    pub(crate) fn new(registries: Arc<dyn OciRegistries>, clock: Clock, flux: FluxRelease) -> Repeating {
        Repeating { registries, clock, flux }
    }

    fn pauses(&self) -> [Duration; 2] {
        match self.flux {
            FluxRelease::V2_2_3 => [Duration::from_millis(100), Duration::from_millis(300)],
            FluxRelease::V2_9 => [Duration::from_secs(1), Duration::from_secs(3)],
        }
    }

    /// Whether an answer with this status may be another one in a moment.
    fn passes(&self, status: u16) -> bool {
        match status {
            408 | 499 | 500 | 502 | 503 | 504 | 522 => true,
            429 => self.flux >= FluxRelease::V2_9,
            _ => false,
        }
    }

    async fn ask<'a, T>(
        &'a self,
        question: impl Fn(&'a dyn OciRegistries) -> BoxFuture<'a, Result<T, OciError>>,
    ) -> Result<T, OciError> {
        for pause in self.pauses() {
            let answer = question(&*self.registries).await;
            let status = answer.as_ref().err().and_then(OciError::status);
            if !status.is_some_and(|status| self.passes(status)) {
                return answer;
            }
            self.clock.sleep(pause).await;
        }
        question(&*self.registries).await
    }
}

impl OciRegistries for Repeating {
    fn tags<'a>(
        &'a self,
        at: &'a OciAddress,
        after: Option<&'a str>,
    ) -> BoxFuture<'a, Result<OciTags, OciError>> {
        Box::pin(self.ask(move |registries| registries.tags(at, after)))
    }

    fn manifest<'a>(
        &'a self,
        at: &'a OciAddress,
        reference: &'a str,
    ) -> BoxFuture<'a, Result<OciManifest, OciError>> {
        Box::pin(self.ask(move |registries| registries.manifest(at, reference)))
    }

    fn blob<'a>(&'a self, at: &'a OciAddress, digest: &'a str) -> BoxFuture<'a, Result<Bytes, OciError>> {
        Box::pin(self.ask(move |registries| registries.blob(at, digest)))
    }

    fn challenge<'a>(&'a self, at: &'a OciAddress) -> BoxFuture<'a, Result<Option<OciChallenge>, OciError>> {
        Box::pin(self.ask(move |registries| registries.challenge(at)))
    }

    fn token<'a>(
        &'a self,
        at: &'a OciAddress,
        challenge: &'a OciChallenge,
    ) -> BoxFuture<'a, Result<Secret, OciError>> {
        Box::pin(self.ask(move |registries| registries.token(at, challenge)))
    }

    fn changes(&self) -> Option<Signal> {
        self.registries.changes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::oci::registry::all_tags;
    use rstest::rstest;
    use std::future::ready;
    use std::sync::Mutex;

    /// Answers with these statuses, one after the other, and then with a tag; with the page that others come behind first. Notes when
    /// it was asked.
    struct Troubled {
        statuses: Vec<u16>,
        clock: Clock,
        asked: Mutex<Vec<jiff::Timestamp>>,
    }

    impl OciRegistries for Troubled {
        fn tags<'a>(
            &'a self,
            at: &'a OciAddress,
            after: Option<&'a str>,
        ) -> BoxFuture<'a, Result<OciTags, OciError>> {
            let mut asked = self.asked.lock().unwrap();
            asked.push(self.clock.now());
            let path = "a/b/tags/list?n=1000".to_owned();
            let failed = |status| OciError::Status { host: at.host.clone(), path, status };
            let page =
                OciTags { tags: vec![format!("{}1", after.unwrap_or_default())], more: after.is_none() };
            let status = self.statuses.get(asked.len() - 1).copied().filter(|status| *status != 200);
            Box::pin(ready(status.map_or(Ok(page), |status| Err(failed(status)))))
        }

        fn manifest<'a>(
            &'a self,
            _: &'a OciAddress,
            _: &'a str,
        ) -> BoxFuture<'a, Result<OciManifest, OciError>> {
            unreachable!()
        }

        fn blob<'a>(&'a self, _: &'a OciAddress, _: &'a str) -> BoxFuture<'a, Result<Bytes, OciError>> {
            unreachable!()
        }
    }

    const NOTHING_PASSES: &str =
        "GET https://r.test/v2/a/b/tags/list?n=1000: unexpected status code 503 Service Unavailable";

    // The times, in milliseconds, are those of the real libraries without their jitter.
    #[rstest]
    #[case::well(FluxRelease::V2_9, &[], &[0, 0], Ok(()))]
    #[case::once(FluxRelease::V2_9, &[500], &[0, 1000, 1000], Ok(()))]
    #[case::twice(FluxRelease::V2_9, &[504, 522], &[0, 1000, 4000, 4000], Ok(()))]
    #[case::each_page(FluxRelease::V2_9, &[504, 522, 200, 504, 522], &[0, 1000, 4000, 4000, 5000, 8000], Ok(()))]
    #[case::for_good(FluxRelease::V2_9, &[502, 408, 503, 503], &[0, 1000, 4000], Err(NOTHING_PASSES))]
    #[case::too_many(FluxRelease::V2_9, &[429, 499], &[0, 1000, 4000, 4000], Ok(()))]
    #[case::others_do_not_pass(
        FluxRelease::V2_9, &[501], &[0],
        Err("GET https://r.test/v2/a/b/tags/list?n=1000: unexpected status code 501 Not Implemented")
    )]
    #[case::before(FluxRelease::V2_2_3, &[500, 503], &[0, 100, 400, 400], Ok(()))]
    #[case::too_many_before(
        FluxRelease::V2_2_3, &[429], &[0],
        Err("GET https://r.test/v2/a/b/tags/list?n=1000: unexpected status code 429 Too Many Requests")
    )]
    fn answers_that_may_pass_are_asked_for_again(
        #[case] flux: FluxRelease,
        #[case] statuses: &'static [u16],
        #[case] times: &'static [i128],
        #[case] want: Result<(), &'static str>,
    ) {
        seatrial_time::simulate(seatrial_time::Simulation::seeded(0), move |clock| async move {
            let start = clock.now();
            let troubled = Arc::new(Troubled {
                statuses: statuses.to_vec(),
                clock: clock.clone(),
                asked: Mutex::default(),
            });
            let repeating = Repeating::new(troubled.clone(), clock, flux);
            let at =
                OciAddress { host: "r.test".to_owned(), path: "a/b".to_owned(), ..OciAddress::default() };
            let answer = all_tags(&repeating, &at).await.map_err(|error| error.to_string());
            let tags = || ["1", "11"].map(str::to_owned).to_vec();
            assert_eq!(answer, want.map(|()| tags()).map_err(str::to_owned));
            let asked = troubled.asked.lock().unwrap();
            let asked: Vec<i128> = asked.iter().map(|at| at.duration_since(start).as_millis()).collect();
            assert_eq!(asked, times);
        })
        .unwrap();
    }
}
