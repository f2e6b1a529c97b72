internal import FoundationEssentials

/// JSON to be printed: keys in the order given, and nothing in it that a terminal acts on.
indirect enum JSONNode: Sendable {
    case null
    case bool(Bool)
    case integer(Int)
    case number(Double)
    case string(String)
    case array([JSONNode])
    case object([(String, JSONNode)])

    static func integer(_ value: Int?) -> JSONNode { value.map { .integer($0) } ?? .null }
    static func string(_ value: String?) -> JSONNode { value.map { .string($0) } ?? .null }
    static func strings(_ values: [String]) -> JSONNode { .array(values.map { .string($0) }) }

    /// In milliseconds, to the microsecond.
    static func milliseconds(_ value: Duration?) -> JSONNode {
        guard let value else { return .null }
        let (seconds, attoseconds) = value.components
        let microseconds = Double(seconds) * 1e6 + Double(attoseconds / 1_000_000_000_000)
        return .number(microseconds / 1000)
    }

    /// RFC 3339 in UTC, to the millisecond.
    static func time(_ value: Date?) -> JSONNode {
        guard let value else { return .null }
        return .string(value.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true)))
    }

    /// On one line.
    var text: String {
        switch self {
        case .null: "null"
        case .bool(let value): value ? "true" : "false"
        case .integer(let value): "\(value)"
        case .number(let value): Self.text(of: value)
        case .string(let value): Self.quoted(value)
        case .array(let values): "[" + values.map(\.text).joined(separator: ",") + "]"
        case .object(let members):
            "{" + members.map { Self.quoted($0) + ":" + $1.text }.joined(separator: ",") + "}"
        }
    }

    private static func text(of value: Double) -> String {
        guard value.isFinite else { return "null" }
        let whole = value.rounded()
        return whole == value && abs(value) < 1e15 ? "\(Int(whole))" : "\(value)"
    }

    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case _ where Printable.isSafe(scalar): result.unicodeScalars.append(scalar)
            default:
                for unit in String(scalar).utf16 {
                    let digits = String(unit, radix: 16)
                    result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
                }
            }
        }
        return result + "\""
    }
}
