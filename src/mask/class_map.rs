//! Other numbers for the model's classes, as consumers ask for them.

use std::collections::BTreeMap;

use super::UNLABELLED;

/// Why a list of ids is no map of the model's classes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClassMapError {
    /// There are more ids than classes.
    #[error("at most {expected} ids, one a class of the model, got {got}")]
    Length {
        /// Classes of the model.
        expected: usize,
        /// Ids in the list.
        got: usize,
    },
    /// An id does not fit into a byte.
    #[error("ids from 0 to 255, got {got} for class {class}")]
    Id {
        /// The model's class, from 0.
        class: usize,
        /// The id.
        got: i64,
    },
}

/// The id under which each class of the model is published.
///
/// Several classes may share an id. 255 publishes a class as unlabelled; a pixel that the model left unlabelled stays so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassMap {
    /// The published id of every class id; none where all stay as they are.
    table: Option<Box<[u8; 256]>>,
}

impl Default for ClassMap {
    fn default() -> Self {
        Self::identity()
    }
}

impl ClassMap {
    /// Every class keeps its id.
    pub const fn identity() -> Self {
        Self { table: None }
    }

    /// Entry i of `ids` is the published id of the model's class i, 0 to 255; classes past its end keep theirs. `classes` is how many the
    /// model has, at most 255.
    pub fn new(ids: &[i64], classes: usize) -> Result<Self, ClassMapError> {
        if ids.len() > classes {
            return Err(ClassMapError::Length { expected: classes, got: ids.len() });
        }
        let mut table = Box::new(std::array::from_fn(|id| id as u8));
        // UNLABELLED is the last entry, and never one of the model's classes.
        for ((class, entry), &id) in table.iter_mut().take(usize::from(UNLABELLED)).enumerate().zip(ids) {
            *entry = u8::try_from(id).map_err(|_| ClassMapError::Id { class, got: id })?;
        }
        let same = (0..=u8::MAX).eq(table.iter().copied());
        Ok(Self { table: (!same).then_some(table) })
    }

    /// The published id of a class of the model.
    pub fn id(&self, class: u8) -> u8 {
        self.table.as_ref().map_or(class, |table| table[usize::from(class)])
    }

    /// Replaces the model's classes by their published ids.
    pub fn apply(&self, classes: &mut [u8]) {
        let Some(table) = &self.table else { return };
        for class in classes {
            *class = table[usize::from(*class)];
        }
    }

    /// The published ids in rising order with the names of their classes; several classes of one id become `a/b`. `names` are those of the
    /// model's classes from 0.
    pub fn labels(&self, names: &[String]) -> Vec<(u8, String)> {
        let mut labels = BTreeMap::<u8, String>::new();
        for (class, name) in (0..UNLABELLED).zip(names) {
            let id = self.id(class);
            if id == UNLABELLED {
                continue;
            }
            labels.entry(id).and_modify(|all| *all = format!("{all}/{name}")).or_insert_with(|| name.clone());
        }
        labels.into_iter().collect()
    }

    /// The colours of the published ids, from 0 to the highest one in use; several classes of one id have the colour of the first, ids that no
    /// pixel bears are black. `colors` are those of the model's classes from 0.
    pub fn colors(&self, colors: &[[u8; 3]]) -> Vec<[u8; 3]> {
        let mut mapped = Vec::new();
        let classes: Vec<(u8, &[u8; 3])> = (0..UNLABELLED).zip(colors).collect();
        for (class, &color) in classes.into_iter().rev() {
            let id = usize::from(self.id(class));
            if id == usize::from(UNLABELLED) {
                continue;
            }
            mapped.resize(mapped.len().max(id + 1), [0; 3]);
            if let Some(slot) = mapped.get_mut(id) {
                *slot = color;
            }
        }
        mapped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn an_empty_list_changes_nothing() {
        let map = ClassMap::new(&[], 11).unwrap();
        assert_eq!(map, ClassMap::identity());
        let mut classes: Vec<u8> = (0..=255).collect();
        map.apply(&mut classes);
        assert!(classes.iter().copied().eq(0..=255));
    }

    #[test]
    fn classes_get_their_ids_and_unlabelled_pixels_stay_unlabelled() {
        let map = ClassMap::new(&[10, 0, 255], 5).unwrap();
        let mut classes = [0, 1, 2, 3, 4, UNLABELLED];
        map.apply(&mut classes);
        assert_eq!(classes, [10, 0, 255, 3, 4, UNLABELLED]);
    }

    #[test]
    fn a_list_that_is_too_long_is_refused_with_both_counts() {
        let error = ClassMap::new(&[0; 12], 11).unwrap_err();
        assert_eq!(error, ClassMapError::Length { expected: 11, got: 12 });
        assert!(error.to_string().contains("11") && error.to_string().contains("12"), "{error}");
    }

    #[test]
    fn an_id_outside_of_a_byte_is_refused_with_its_class() {
        for id in [-1, 256, i64::MIN, i64::MAX] {
            assert_eq!(ClassMap::new(&[0, id], 2), Err(ClassMapError::Id { class: 1, got: id }));
        }
    }

    #[test]
    fn labels_follow_the_map_and_join_the_names_of_one_id() {
        let map = ClassMap::new(&[2, 0, 2, 255], 5).unwrap();
        let labels = map.labels(&names(&["car", "road", "bus", "sky", "sign"]));
        assert_eq!(labels, [(0, "road".into()), (2, "car/bus".into()), (4, "sign".into())]);
        let plain = ClassMap::identity().labels(&names(&["a", "b"]));
        assert_eq!(plain, [(0, "a".into()), (1, "b".into())]);
    }

    #[test]
    fn colours_follow_the_map() {
        let map = ClassMap::new(&[3, 1, 3], 3).unwrap();
        let colors = map.colors(&[[1; 3], [2; 3], [3; 3]]);
        assert_eq!(colors, [[0; 3], [2; 3], [0; 3], [1; 3]]);
    }
}
