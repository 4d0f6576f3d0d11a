//! Writes ONNX files by hand: just enough protobuf for a few nodes.

/// A protobuf message in the making.
#[derive(Clone, Default)]
pub struct Message(pub Vec<u8>);

impl Message {
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    /// An integer field.
    pub fn int(mut self, field: u64, value: i64) -> Self {
        self.varint(field << 3);
        self.varint(value as u64);
        self
    }

    /// A field of bytes, text or a message.
    pub fn bytes(mut self, field: u64, bytes: &[u8]) -> Self {
        self.varint(field << 3 | 2);
        self.varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
        self
    }

    pub fn text(self, field: u64, text: &str) -> Self {
        self.bytes(field, text.as_bytes())
    }

    pub fn message(self, field: u64, message: &Message) -> Self {
        self.bytes(field, &message.0)
    }

    fn ints(self, field: u64, values: &[i64]) -> Self {
        let packed = values.iter().fold(Message::default(), |mut packed, value| {
            packed.varint(*value as u64);
            packed
        });
        self.bytes(field, &packed.0)
    }
}

/// ONNX's number for f32.
pub const FLOAT: i64 = 1;
/// ONNX's number for i64.
pub const INT64: i64 = 7;

/// An input or output; a side of -1 is dynamic.
pub fn tensor(name: &str, kind: i64, shape: &[i64]) -> Message {
    let sides = shape.iter().fold(Message::default(), |sides, side| {
        let dim = Message::default();
        sides.message(1, &if *side < 0 { dim.text(2, "N") } else { dim.int(1, *side) })
    });
    let kind = Message::default().int(1, kind).message(2, &sides);
    Message::default().text(1, name).message(2, &Message::default().message(1, &kind))
}

/// Weights.
pub fn weights(name: &str, shape: &[i64], values: &[f32]) -> Message {
    let raw: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    Message::default().ints(1, shape).int(2, FLOAT).text(8, name).bytes(9, &raw)
}

/// Whole numbers, as some operators take them for shapes.
pub fn integers(name: &str, values: &[i64]) -> Message {
    let raw: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    Message::default().ints(1, &[values.len() as i64]).int(2, INT64).text(8, name).bytes(9, &raw)
}

/// A node with attributes that are lists of integers.
pub fn node(op: &str, inputs: &[&str], output: &str, attributes: &[(&str, &[i64])]) -> Message {
    let node = inputs.iter().fold(Message::default(), |node, input| node.text(1, input));
    let node = node.text(2, output).text(3, output).text(4, op);
    attributes.iter().fold(node, |node, (name, ints)| {
        let attribute = Message::default().text(1, name).ints(8, ints).int(20, 7);
        node.message(5, &attribute)
    })
}

/// An ONNX file of one graph, opset 17.
pub fn model(nodes: &[Message], weights: &[Message], inputs: &[Message], outputs: &[Message]) -> Vec<u8> {
    let mut graph = Message::default().text(2, "graph");
    for (field, messages) in [(1, nodes), (5, weights), (11, inputs), (12, outputs)] {
        graph = messages.iter().fold(graph, |graph, message| graph.message(field, message));
    }
    let opset = Message::default().text(1, "").int(2, 17);
    Message::default().int(1, 8).message(7, &graph).message(8, &opset).0
}
