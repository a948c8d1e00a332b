//! `--watch`: a row for each change.

use super::View;
use super::filter::escaped;
use super::listing::Listing;
use crate::{ApiError, Screen, Session, VerbError};
use seatrial_wire::EventKind;

/// Prints what is there and what changes, until the process is ended, or nobody reads it.
pub(super) async fn watch(
    session: &Session,
    listing: &Listing,
    view: &View<'_>,
    screen: &mut Screen,
) -> Result<(), VerbError> {
    let resource = session.flux(listing.flux()?).await?;
    let mut query = "?watch=true".to_owned();
    if let Some(labels) = view.labels {
        query.push_str(&format!("&labelSelector={}", escaped(labels)));
    }
    if let Some(name) = view.name {
        query.push_str(&format!("&fieldSelector=metadata.name%3D{}", escaped(name)));
    }
    let path = format!("{}{query}", resource.path(view.namespace.as_deref()));
    let mut heads = !view.no_header;
    let mut events = session.watch(&path).await?;
    while let Some(event) = events.next().await {
        match event.kind {
            EventKind::Added | EventKind::Modified => {}
            EventKind::Error => {
                let message = event.object["message"].as_str().unwrap_or("the watch failed").to_owned();
                return Err(ApiError::Answer(message).into());
            }
            _ => continue,
        }
        let mut table = view.empty_table(listing, std::mem::take(&mut heads));
        if view.filter.takes(&event.object) {
            table.row(listing.cells(&event.object, view.columns));
        }
        screen.print(&table.render());
        if screen.is_closed() {
            return Ok(());
        }
    }
    Ok(())
}
