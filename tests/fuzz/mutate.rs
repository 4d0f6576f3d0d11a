//! Mutations of inputs, the same in every run.

/// Makes one input after the other.
pub struct Mutator {
    inputs: Vec<Vec<u8>>,
    longest: usize,
    state: u64,
}

/// Numbers at which something often ends.
const EDGES: [u64; 12] = [0, 1, 2, 7, 8, 127, 128, 255, 0x7fff_ffff, 0xffff_ffff, 1 << 40, u64::MAX];

impl Mutator {
    /// Mutations of `inputs` that have at most `longest` bytes.
    pub fn new(inputs: Vec<Vec<u8>>, longest: usize) -> Self {
        assert!(!inputs.is_empty(), "nothing to begin with");
        Self { inputs, longest, state: 0x9e37_79b9_7f4a_7c15 }
    }

    /// A number below `end`, or 0 where that is 0.
    fn below(&mut self, end: usize) -> usize {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        (self.state >> 16) as usize % end.max(1)
    }

    fn any(&mut self) -> Vec<u8> {
        let at = self.below(self.inputs.len());
        self.inputs[at].clone()
    }

    /// The next input.
    pub fn next(&mut self) -> Vec<u8> {
        let mut input = self.any();
        for _ in 0..=self.below(4) {
            self.change(&mut input);
        }
        input.truncate(self.longest);
        input
    }

    fn change(&mut self, input: &mut Vec<u8>) {
        let at = self.below(input.len());
        let length = self.below((input.len() - at).min(64) + 1);
        match self.below(7) {
            0 => input.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << (at % 8)),
            1 => {
                let byte = self.below(256) as u8;
                input.insert(at, byte);
            }
            2 => drop(input.drain(at..at + length)),
            3 => {
                let copy = input[at..at + length].to_vec();
                input.splice(at..at, copy);
            }
            4 => {
                let other = self.any();
                let from = self.below(other.len());
                input.truncate(at);
                input.extend_from_slice(&other[from..]);
            }
            5 => input.truncate(at),
            _ => self.number(&mut input[at..]),
        }
    }

    /// Puts a number of one to eight bytes at the start, in either order.
    fn number(&mut self, bytes: &mut [u8]) {
        let number = EDGES[self.below(EDGES.len())];
        let size = 1 << self.below(4);
        let (mut little, mut big) = (number.to_le_bytes(), number.to_be_bytes());
        let digits = if self.below(2) == 0 { &mut little[..size] } else { &mut big[8 - size..] };
        bytes.iter_mut().zip(digits).for_each(|(byte, digit)| *byte = *digit);
    }
}
