use super::*;

fn node(namespace: &str) -> NodeName {
    NodeName::new(namespace, "itnet").expect("valid")
}

#[test]
fn absolute_relative_and_private_names_become_absolute() {
    for (namespace, topic, expected) in [
        ("/", "/image", "/image"),
        ("/", "image", "/image"),
        ("", "~/mask", "/itnet/mask"),
        ("/robot", "/image", "/image"),
        ("/robot", "image/compressed", "/robot/image/compressed"),
        ("robot/front", "~/mask", "/robot/front/itnet/mask"),
        ("/robot", "~", "/robot/itnet"),
        ("/robot", "{node}/a_{node}", "/robot/itnet/a_itnet"),
        ("/robot", "{ns}/image", "/robot/image"),
        ("/robot", "/x{namespace}/image", "/x/robot/image"),
    ] {
        assert_eq!(node(namespace).expand(topic).expect(topic), expected);
    }
}

#[test]
fn a_name_that_is_not_allowed_is_named_with_what_is_wrong() {
    for (topic, fault) in [
        ("", "empty"),
        ("/", "ends with `/`"),
        ("image/", "ends with `/`"),
        ("/a//b", "`//`"),
        ("a b", "' ' in it"),
        ("bild_größe", "'ö' in it"),
        ("/a/7b", "`7b` starts with a digit"),
        ("7b", "`7b` starts with a digit"),
        ("~mask", "`~`"),
        ("a/~/b", "`~`"),
        ("~/", "ends with `/`"),
        ("{node", "braces"),
        ("a}b", "braces"),
        ("{{node}}", "braces"),
        ("{a/b}", "braces"),
        ("{camera}", "{camera}"),
        ("{ns}/image", "`//`"),
        ("a\0b", "'\\0' in it"),
    ] {
        let error = node("/").expand(topic).expect_err(topic).to_string();
        assert!(error.contains(fault), "{topic:?}: {error}");
    }
    let error = node("/").expand(&"a".repeat(247)).expect_err("too long").to_string();
    assert!(error.contains("248 characters"), "{error}");
    assert!(node("/").expand(&"a".repeat(246)).is_ok());
}

#[test]
fn a_node_with_a_wrong_name_or_namespace_is_refused() {
    for (namespace, name, fault) in [
        ("/", "", "empty"),
        ("/", "a/b", "'/' in it"),
        ("/", "7b", "digit"),
        ("/robot/", "itnet", "ends with `/`"),
        ("/a//b", "itnet", "`//`"),
        ("/a b", "itnet", "' ' in it"),
    ] {
        let error = NodeName::new(namespace, name).expect_err(name).to_string();
        assert!(error.contains(fault), "{namespace} {name}: {error}");
    }
    assert_eq!(node("/robot").to_string(), "/robot/itnet");
    assert_eq!(node("").to_string(), "/itnet");
}
