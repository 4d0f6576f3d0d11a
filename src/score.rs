//! How good a mask is: intersection over union against labels, from one confusion matrix over a whole set.
//!
//! Knows class ids only.

/// Counts of (label, prediction) pairs over any number of pictures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confusion {
    classes: usize,
    /// One row a label; the last column counts predictions that are no class.
    counts: Vec<u64>,
}

impl Confusion {
    /// No counts yet, for class ids `0..classes`.
    pub fn new(classes: usize) -> Self {
        Self { classes, counts: vec![0; classes * (classes + 1)] }
    }

    /// Counts a picture. Pixels whose label is not a class are never counted; a predicted id that is no class is wrong for the pixel's label.
    /// Where the lengths differ, the longer one's rest is not counted.
    pub fn add(&mut self, labels: &[u8], predicted: &[u8]) {
        for (&label, &class) in labels.iter().zip(predicted) {
            let (label, class) = (usize::from(label), usize::from(class));
            if label >= self.classes {
                continue;
            }
            self.counts[label * (self.classes + 1) + class.min(self.classes)] += 1;
        }
    }

    /// Intersection over union of every class, 0 to 1; 0 for a class that neither labels nor predictions hold.
    pub fn iou(&self) -> Vec<f64> {
        let n = self.classes;
        let count = |label: usize, class: usize| self.counts[label * (n + 1) + class];
        (0..n)
            .map(|c| {
                let labelled: u64 = (0..=n).map(|p| count(c, p)).sum();
                let predicted: u64 = (0..n).map(|l| count(l, c)).sum();
                let union = labelled + predicted - count(c, c);
                if union == 0 { 0.0 } else { count(c, c) as f64 / union as f64 }
            })
            .collect()
    }

    /// The mean of [`iou`](Self::iou) over all classes, always divided by their number.
    pub fn miou(&self) -> f64 {
        let iou = self.iou();
        iou.iter().sum::<f64>() / iou.len().max(1) as f64
    }

    /// The mean of [`iou`](Self::iou) over the classes that labels hold: how good a single picture is, which never has all classes. 1 where
    /// nothing is labelled.
    pub fn miou_of_labelled(&self) -> f64 {
        let columns = self.classes + 1;
        let iou = self.iou();
        let labelled = self.counts.chunks(columns).zip(&iou).filter(|(row, _)| row.iter().any(|count| *count > 0));
        let labelled: Vec<f64> = labelled.map(|(_, iou)| *iou).collect();
        if labelled.is_empty() { 1.0 } else { labelled.iter().sum::<f64>() / labelled.len() as f64 }
    }

    /// Pixels counted.
    pub fn pixels(&self) -> u64 {
        self.counts.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_is_always_divided_by_all_classes() {
        let mut confusion = Confusion::new(4);
        confusion.add(&[0, 0, 1, 1], &[0, 0, 1, 1]);
        assert_eq!(confusion.iou(), [1.0, 1.0, 0.0, 0.0]);
        assert_eq!(confusion.miou(), 0.5);
    }

    #[test]
    fn a_single_picture_is_judged_by_the_classes_its_labels_hold() {
        let mut confusion = Confusion::new(4);
        assert_eq!(confusion.miou_of_labelled(), 1.0);
        confusion.add(&[0, 0, 1, 1], &[0, 0, 1, 2]);
        assert_eq!(confusion.miou_of_labelled(), 0.75);
    }

    #[test]
    fn void_labels_never_count() {
        let mut confusion = Confusion::new(2);
        confusion.add(&[0, 2, 255], &[0, 1, 1]);
        assert_eq!((confusion.pixels(), confusion.iou()), (1, vec![1.0, 0.0]));
    }

    #[test]
    fn a_prediction_that_is_no_class_is_a_miss_and_nobodys_false_alarm() {
        let mut confusion = Confusion::new(2);
        confusion.add(&[0, 0, 1], &[0, 255, 1]);
        assert_eq!(confusion.iou(), [0.5, 1.0]);
    }

    #[test]
    fn union_counts_misses_and_false_alarms() {
        let mut confusion = Confusion::new(2);
        confusion.add(&[0, 0, 0, 1], &[0, 0, 1, 1]);
        assert_eq!(confusion.iou(), [2.0 / 3.0, 0.5]);
    }
}
