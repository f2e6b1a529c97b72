/// How a command prints what it found.
enum OutputFormat: String, CaseIterable, Sendable {
    case table
    case wide
    /// One object with a `version`.
    case json
    /// One object a line.
    case jsonl
    /// Only what names a thing.
    case name

    var isJSON: Bool { self == .json || self == .jsonl }

    static let option = Option(
        "output", short: "o", env: "JOBRUNNER_OUTPUT", default: .table, placeholder: "FORMAT",
        help: "How to print: table, wide, json, jsonl or name.",
        read: ValueReader<OutputFormat>.choice())
}
