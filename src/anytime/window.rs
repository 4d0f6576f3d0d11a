//! The last few values of a quantity, and what is usual among them.

use std::collections::VecDeque;

/// The last few values of a quantity.
#[derive(Clone, Debug, Default)]
pub(super) struct Window {
    /// As they came.
    values: VecDeque<f64>,
    /// The same by size.
    sorted: Vec<f64>,
    length: usize,
}

impl Window {
    /// One that holds `length` values.
    pub fn new(length: usize) -> Self {
        Self { values: VecDeque::with_capacity(length), sorted: Vec::with_capacity(length), length }
    }

    pub fn push(&mut self, value: f64) {
        if self.values.len() == self.length
            && let Some(oldest) = self.values.pop_front()
        {
            self.sorted.remove(self.below(oldest));
        }
        self.values.push_back(value);
        self.sorted.insert(self.below(value), value);
    }

    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The value below which a share `q` (0 to 1) of the window lies; `None` while it is empty.
    pub fn quantile(&self, q: f64) -> Option<f64> {
        self.quantile_within(q, f64::INFINITY)
    }

    /// The same of those values that are at most `limit`; `None` where there are none.
    pub fn quantile_within(&self, q: f64, limit: f64) -> Option<f64> {
        let within = self.within(limit);
        let rank = (q * within as f64).ceil() as usize;
        self.sorted[..within].get(rank.saturating_sub(1)).copied()
    }

    pub fn mean(&self) -> Option<f64> {
        (!self.is_empty()).then(|| self.sorted.iter().sum::<f64>() / self.sorted.len() as f64)
    }

    /// The share of values above `limit`, 0 to 1; 0 while there are none.
    pub fn above(&self, limit: f64) -> f64 {
        (self.sorted.len() - self.within(limit)) as f64 / self.sorted.len().max(1) as f64
    }

    /// The mean of the values above `from` and at most `to`; `from` where there are none.
    pub fn mean_between(&self, from: f64, to: f64) -> f64 {
        let (start, end) = (self.within(from), self.within(to));
        if end <= start {
            return from;
        }
        self.sorted[start..end].iter().sum::<f64>() / (end - start) as f64
    }

    /// How many of the values are at most `limit`.
    fn within(&self, limit: f64) -> usize {
        self.sorted.partition_point(|value| value.total_cmp(&limit).is_le())
    }

    /// How many of the values are smaller.
    fn below(&self, value: f64) -> usize {
        self.sorted.partition_point(|other| other.total_cmp(&value).is_lt())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window() -> Window {
        let mut window = Window::new(4);
        assert_eq!((window.quantile(0.5), window.mean(), window.above(0.0)), (None, None, 0.0));
        [5.0, 1.0, 9.0, 1.0, 3.0, 2.0].into_iter().for_each(|value| window.push(value));
        window
    }

    #[test]
    fn a_window_forgets_what_came_first_and_knows_its_quantiles() {
        let window = window();
        assert_eq!([0.0, 0.25, 0.5, 0.75, 1.0].map(|q| window.quantile(q)), [1.0, 1.0, 2.0, 3.0, 9.0].map(Some));
        assert_eq!(window.mean(), Some(3.75));
        assert_eq!([window.quantile_within(1.0, 4.0), window.quantile_within(0.5, 0.5)], [Some(3.0), None]);
    }

    #[test]
    fn shares_and_means_of_a_part_of_the_window() {
        let window = window();
        assert_eq!([0.5, 1.0, 2.5, 9.0].map(|limit| window.above(limit)), [1.0, 0.75, 0.5, 0.0]);
        assert_eq!((window.mean_between(1.0, 3.0), window.mean_between(9.0, 20.0)), (2.5, 9.0));
    }
}
