//! What is queued in one direction of a connection.
//!
//! A chunk stays what it is. Only small ones that come while others are unread are collected, so that a flood of tiny
//! writes costs bytes and not chunks. Where each message is read before the next one comes, there is never more than
//! the first chunk, and nothing is allocated.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

/// Chunks below this size are collected when there is unread data before them.
const SMALL: usize = 1024;
/// What is collected becomes a chunk at this size.
const COLLECTED: usize = 8 * 1024;

/// Bytes in the order in which they were written.
#[derive(Debug, Default)]
pub(super) struct Chunks {
    /// What is read next; empty when nothing is queued.
    first: Bytes,
    /// They come after the first one. Empty, it has no memory: most connections are idle most of the time.
    others: VecDeque<Bytes>,
    /// Small ones; they come after all others.
    small: BytesMut,
    /// In all three.
    bytes: usize,
}

impl Chunks {
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds a chunk that is not empty.
    pub(super) fn push(&mut self, chunk: Bytes) {
        self.bytes = self.bytes.saturating_add(chunk.len());
        if self.first.is_empty() {
            self.first = chunk;
        } else if chunk.len() < SMALL {
            self.small.extend_from_slice(&chunk);
            if self.small.len() >= COLLECTED {
                self.others.push_back(std::mem::take(&mut self.small).freeze());
            }
        } else {
            if !self.small.is_empty() {
                self.others.push_back(std::mem::take(&mut self.small).freeze());
            }
            self.others.push_back(chunk);
        }
    }

    /// Up to `max` bytes of the first chunk; empty when nothing is queued.
    pub(super) fn pop(&mut self, max: usize) -> Bytes {
        let popped = if self.first.len() > max {
            self.first.split_to(max)
        } else {
            let next = self.next();
            std::mem::replace(&mut self.first, next)
        };
        self.bytes = self.bytes.saturating_sub(popped.len());
        popped
    }

    /// Takes out what comes after the first chunk; empty when that is all.
    fn next(&mut self) -> Bytes {
        let Some(next) = self.others.pop_front() else {
            return std::mem::take(&mut self.small).freeze();
        };
        if self.others.is_empty() {
            self.others = VecDeque::new();
        }
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn everything(queue: &mut Chunks, max: usize) -> Vec<Bytes> {
        std::iter::from_fn(|| Some(queue.pop(max)).filter(|chunk| !chunk.is_empty())).collect()
    }

    #[test]
    fn chunks_come_as_they_went_and_small_ones_behind_others_together() {
        let mut queue = Chunks::default();
        let large = Bytes::from(vec![1; SMALL]);
        for chunk in [b"first", b"small", b"other"] {
            queue.push(Bytes::from_static(chunk));
        }
        queue.push(large.clone());
        queue.push(Bytes::from_static(b"last"));
        assert_eq!(queue.bytes(), 5 + 10 + SMALL + 4);
        let read = everything(&mut queue, usize::MAX);
        assert_eq!(read, [&b"first"[..], b"smallother", &large, b"last"]);
        assert_eq!(queue.bytes(), 0);
    }

    #[test]
    fn a_read_of_less_leaves_the_rest_of_the_chunk() {
        let mut queue = Chunks::default();
        queue.push(Bytes::from_static(b"abcde"));
        queue.push(Bytes::from_static(b"f"));
        assert_eq!(everything(&mut queue, 2), [&b"ab"[..], b"cd", b"e", b"f"]);
    }

    #[test]
    fn an_empty_queue_has_no_memory() {
        let mut queue = Chunks::default();
        (0..100).for_each(|_| queue.push(Bytes::from(vec![1; SMALL])));
        assert_eq!(everything(&mut queue, usize::MAX).len(), 100);
        assert_eq!((queue.others.capacity(), queue.small.capacity()), (0, 0));
    }
}
