/// JSON that may go to a terminal: what could move its cursor or reorder text is an escape.
///
/// Any JSON reader reads the same values from it as from the original.
enum TerminalJSON {
    /// The same JSON value, on one line.
    ///
    /// Outside of strings JSON has nothing that could be unsafe but line breaks and tabs.
    static func line(_ json: some Collection<UInt8>) -> String {
        var text = ""
        for scalar in String(decoding: json, as: UTF8.self).unicodeScalars {
            switch scalar {
            case "\n", "\r", "\t": text.append(" ")
            default: append(scalar, to: &text)
            }
        }
        return text
    }

    static func string(_ text: String) -> String {
        var json = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": json += "\\\""
            case "\\": json += "\\\\"
            case "\n": json += "\\n"
            case "\r": json += "\\r"
            case "\t": json += "\\t"
            default: append(scalar, to: &json)
            }
        }
        return json + "\""
    }

    private static func append(_ scalar: Unicode.Scalar, to text: inout String) {
        if Printable.isSafe(scalar) {
            text.unicodeScalars.append(scalar)
        } else {
            for unit in String(scalar).utf16 {
                let digits = String(unit, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            }
        }
    }
}

/// A JSON object that a command prints, its members in the order they were set.
struct JSONObject: Sendable {
    private var members: [String] = []

    /// The first member of every object that stands alone: grows when a member changes meaning.
    static var versioned: JSONObject {
        var object = JSONObject()
        object.set("version", 1)
        return object
    }

    var text: String { "{" + members.joined(separator: ",") + "}" }

    mutating func set(_ key: String, _ value: String?) {
        if let value { set(key, raw: TerminalJSON.string(value)) }
    }

    mutating func set(_ key: String, _ value: Int?) {
        if let value { set(key, raw: "\(value)") }
    }

    mutating func set(_ key: String, _ value: Bool) {
        set(key, raw: value ? "true" : "false")
    }

    /// A time as RFC 3339.
    mutating func set(_ key: String, time milliseconds: Int?) {
        if let milliseconds { set(key, RFC3339.format(milliseconds: milliseconds)) }
    }

    /// - Parameter json: Safe for a terminal already.
    mutating func set(_ key: String, raw json: String) {
        members.append(TerminalJSON.string(key) + ":" + json)
    }
}
