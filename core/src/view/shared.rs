//! The reservations of other consumers.

use super::{Leases, Watched};
use crate::sweep::LATE;
use crate::view::{Frame, Sink, View};

impl View for Leases {
    fn view(&self, frame: &Frame, to: &mut dyn Sink) {
        // the portal's time goes with the host's
        let Leases { lease, watched, began, answered: _ } = self;
        let Some(lease) = lease else { return };
        to.number(watched.len() as u64);
        for (process, one) in watched.iter() {
            let Watched { seen, since, since_portal: _, ends: _, listing, rested, adopted } = one;
            to.watched(process.as_str(), seen.map(|seen| seen.number()));
            frame.due(since.plus(*lease), to);
            (since.plus(*lease) <= *began).view(frame, to);
            listing.is_some().view(frame, to);
            (listing == seen).view(frame, to);
            rested.is_some().view(frame, to);
            rested.is_some_and(|at| at.plus(LATE) >= frame.now).view(frame, to);
            adopted.view(frame, to);
        }
    }
}
