//! Counting and showing what passes through the guest's end of a connection with the outside.

use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;

use super::memory::Side;
use crate::NetError;
use crate::course::Course;

/// The guest's side of a course whose other side is outside.
#[derive(Debug)]
pub(super) struct Watched {
    course: Course,
    guest: Side,
    other_ended: AtomicBool,
    guest_ended: AtomicBool,
}

impl Watched {
    pub(super) fn new(course: Course, guest: Side) -> Self {
        Self { course, guest, other_ended: AtomicBool::new(false), guest_ended: AtomicBool::new(false) }
    }

    /// What a read gave.
    pub(super) fn read(&self, read: &Result<Option<Bytes>, NetError>) {
        match read {
            Ok(None) => {}
            Ok(Some(data)) if data.is_empty() => self.other_finished(),
            Ok(Some(data)) => self.course.sent(self.guest.other(), data),
            Err(_) => self.other_reset(),
        }
    }

    /// As [`read`](Self::read), of borrowed bytes; none are the end.
    pub(super) fn read_slice(&self, data: &[u8]) {
        if data.is_empty() { self.other_finished() } else { self.course.sent_slice(self.guest.other(), data) }
    }

    pub(super) fn wrote(&self, data: &Bytes) {
        self.course.sent(self.guest, data);
    }

    pub(super) fn wrote_slice(&self, data: &[u8]) {
        self.course.sent_slice(self.guest, data);
    }

    /// The guest sends no more, or has closed.
    pub(super) fn finished(&self) {
        if !self.guest_ended.swap(true, Ordering::Relaxed) {
            self.course.finished(self.guest);
        }
    }

    pub(super) fn reset(&self) {
        if !self.guest_ended.swap(true, Ordering::Relaxed) {
            self.course.reset(self.guest);
        }
    }

    fn other_finished(&self) {
        if !self.other_ended.swap(true, Ordering::Relaxed) {
            self.course.finished(self.guest.other());
        }
    }

    fn other_reset(&self) {
        if !self.other_ended.swap(true, Ordering::Relaxed) {
            self.course.reset(self.guest.other());
        }
    }
}
