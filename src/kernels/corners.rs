//! The corners of a quad in every plane, and in which planes some of them are no lower than others.
//!
//! The compiler loads the corners one by one and checks each; hence the kernel. Both ways give the same.

/// A quad of neighbours in planes of the same size, one behind the other: two of a row, and two of another. Left and right may be the same.
#[derive(Clone, Copy, Debug)]
pub struct Corners<'a> {
    /// From the upper left corner in the first plane on.
    above: &'a [f32],
    /// From the lower left corner in the first plane on.
    below: &'a [f32],
    plane: usize,
    planes: usize,
    /// From left to right: 0 or 1.
    apart: usize,
}

/// A plane's number, and its values above left, above right, below left and below right.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Kept {
    /// The plane.
    pub plane: u8,
    /// The values.
    pub corners: [f32; 4],
}

impl<'a> Corners<'a> {
    /// The quad whose left corners are `above` and `below` in each of `planes`, which have `plane` values. Right of them are their neighbours, or,
    /// where it `repeats`, the same again.
    ///
    /// Panics where these are not the `values` that there are, or there are more than 256 planes, or a corner is not in the first one.
    #[inline(always)]
    pub fn new(values: &'a [f32], [planes, plane]: [usize; 2], [above, below]: [usize; 2], repeats: bool) -> Self {
        let apart = usize::from(!repeats);
        let fits = planes <= 256 && planes.checked_mul(plane) == Some(values.len()) && above.max(below) + apart < plane;
        assert!(fits, "{} values for {planes} planes of {plane}, corners at {above} and {below}", values.len());
        Self { above: &values[above..], below: &values[below..], plane, planes, apart }
    }

    /// How many planes there are.
    pub fn planes(&self) -> usize {
        self.planes
    }

    /// The corners in a plane. Panics where there is no such plane.
    #[inline(always)]
    pub fn of(&self, plane: usize) -> [f32; 4] {
        let at = plane * self.plane;
        [self.above[at], self.above[at + self.apart], self.below[at], self.below[at + self.apart]]
    }

    /// Puts the planes first that are, for each of `floors`, at some corner not below it; returns how many they are.
    ///
    /// Panics where `kept` has less room than there are planes. What is behind those kept is no longer meaningful.
    #[inline(always)]
    pub fn keep(&self, floors: &[[f32; 4]; 2], kept: &mut [Kept]) -> usize {
        let kept = &mut kept[..self.planes];
        #[cfg(target_arch = "x86_64")]
        if self.apart == 1 {
            return self.keep_pairs(floors, kept);
        }
        self.keep_each(floors, kept)
    }

    fn keep_each(&self, floors: &[[f32; 4]; 2], kept: &mut [Kept]) -> usize {
        let mut count = 0;
        for plane in 0..self.planes {
            let corners = self.of(plane);
            kept[count] = Kept { plane: plane as u8, corners };
            // No branch on a value, which could not be foreseen.
            count += usize::from(!(is_below(&corners, &floors[0]) | is_below(&corners, &floors[1])));
        }
        count
    }

    /// The same where left and right are neighbours. SSE2 is part of every such processor.
    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    fn keep_pairs(&self, floors: &[[f32; 4]; 2], kept: &mut [Kept]) -> usize {
        use std::arch::x86_64::*;
        const ALL: i32 = 0b1111;
        let (mut above, mut below, mut count) = (self.above.as_ptr(), self.below.as_ptr(), 0);
        // SAFETY: both corners on the right are in the first plane, as `new` checked, and so they are in the others. No more planes are kept than
        // there were before, and `kept` has room for all.
        unsafe {
            let floors = floors.each_ref().map(|floor| _mm_loadu_ps(floor.as_ptr()));
            for plane in 0..self.planes {
                let corners = _mm_castpd_ps(_mm_loadh_pd(_mm_load_sd(above.cast()), below.cast()));
                let free = kept.as_mut_ptr().add(count);
                (*free).plane = plane as u8;
                _mm_storeu_ps((&raw mut (*free).corners).cast(), corners);
                let [one, other] = floors.map(|floor| _mm_movemask_ps(_mm_cmplt_ps(corners, floor)));
                count += usize::from((one != ALL) & (other != ALL));
                above = above.wrapping_add(self.plane);
                below = below.wrapping_add(self.plane);
            }
        }
        count
    }
}

/// Whether values are below the floor at every corner.
#[inline(always)]
fn is_below(corners: &[f32; 4], floor: &[f32; 4]) -> bool {
    (corners[0] < floor[0]) & (corners[1] < floor[1]) & (corners[2] < floor[2]) & (corners[3] < floor[3])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn value() -> impl Strategy<Value = f32> {
        prop_oneof![4 => -2.0f32..2.0, 1 => Just(1.0), 1 => Just(f32::NAN), 1 => Just(f32::INFINITY), 1 => Just(f32::NEG_INFINITY)]
    }

    proptest! {
        #[test]
        fn just_the_planes_that_are_somewhere_not_below_are_kept(
            (planes, values) in (1usize..=40).prop_flat_map(|planes| (Just(planes), proptest::collection::vec(value(), 9 * planes))),
            floors in proptest::array::uniform2(proptest::array::uniform4(value())),
            places in [0usize..8, 0usize..8],
            repeats in any::<bool>(),
        ) {
            let quad = Corners::new(&values, [planes, 9], places, repeats);
            let corners = |plane: usize| {
                let [above, below] = places.map(|place| 9 * plane + place);
                let apart = usize::from(!repeats);
                [values[above], values[above + apart], values[below], values[below + apart]]
            };
            let somewhere = |plane: &usize| floors.iter().all(|floor| {
                let values = corners(*plane);
                (0..4).any(|corner| values[corner].partial_cmp(&floor[corner]) != Some(std::cmp::Ordering::Less))
            });
            let expected: Vec<_> = (0..planes).filter(somewhere).map(|plane| (plane, corners(plane).map(f32::to_bits))).collect();
            for keep in [Corners::keep, Corners::keep_each] {
                let mut kept = vec![Kept::default(); planes];
                let count = keep(&quad, &floors, &mut kept);
                let got: Vec<_> = kept[..count].iter().map(|kept| (usize::from(kept.plane), kept.corners.map(f32::to_bits))).collect();
                prop_assert_eq!(&got, &expected);
            }
        }
    }

    #[test]
    #[should_panic = "0 values for 256 planes"]
    fn planes_that_cannot_be_counted_are_refused() {
        Corners::new(&[], [256, 1 << 56], [0, 0], false);
    }

    #[test]
    #[should_panic = "10 values for 2 planes of 5, corners at 4 and 0"]
    fn corners_out_of_their_plane_are_refused() {
        Corners::new(&[0.0; 10], [2, 5], [4, 0], false);
    }
}
