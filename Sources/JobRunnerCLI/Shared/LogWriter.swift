internal import FoundationEssentials
internal import JobRunner
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// One line of a log, before it has a form.
struct LogLine: Sendable {
    /// A value of a field.
    enum Value: Sendable, Equatable {
        case text(String)
        case number(Int)
        case decimal(Double)
    }

    var level: LogLevel
    /// One word: what happened.
    var event: String
    /// A sentence for people; empty when event and fields say it all.
    var message = ""
    /// Job id and attempt first.
    var fields: [(String, Value)] = []
}

/// Writes log lines, each with one `write`: whole lines even from many threads.
struct LogWriter: Sendable {
    let isJSON: Bool
    let level: LogLevel
    let descriptor: Int32
    /// Of every line, behind its own.
    var fields: [(String, LogLine.Value)] = []

    init(isJSON: Bool, level: LogLevel, descriptor: Int32 = 1) {
        self.isJSON = isJSON
        self.level = level
        self.descriptor = descriptor
    }

    init(_ format: LogFormat, level: LogLevel, descriptor: Int32 = 1) {
        let isTerminal = isatty(descriptor) == 1
        self.init(
            isJSON: format == .json || (format == .auto && !isTerminal), level: level,
            descriptor: descriptor)
    }

    func write(_ line: LogLine) {
        guard line.level >= level else { return }
        SystemFile.write(render(line, at: Date()) + "\n", to: descriptor)
    }

    func render(_ line: LogLine, at date: Date) -> String {
        let time = date.formatted(Self.time)
        return isJSON ? json(line, time) : text(line, time)
    }

    /// `2026-11-21T14:02:07.113Z`.
    private static let time = Date.ISO8601FormatStyle(includingFractionalSeconds: true)

    private func text(_ line: LogLine, _ time: String) -> String {
        var text = "\(time) \(line.level.rawValue.uppercased()) \(line.event)"
        if !line.message.isEmpty { text += " \(escaped(line.message, limit: 1000))" }
        for (name, value) in line.fields + fields {
            switch value {
            case .number(let number): text += " \(name)=\(number)"
            case .decimal(let number): text += " \(name)=\(number)"
            case .text(let value):
                let shown = escaped(value, limit: 1000)
                let isPlain =
                    !shown.isEmpty && !shown.contains { $0 == " " || $0 == "\"" || $0 == "=" }
                text += isPlain ? " \(name)=\(shown)" : " \(name)=\(quoted(shown))"
            }
        }
        return text
    }

    private func json(_ line: LogLine, _ time: String) -> String {
        var json =
            #"{"ts":"\#(time)","level":"\#(line.level.rawValue)","event":\#(quoted(line.event))"#
        if !line.message.isEmpty { json += #","message":\#(quoted(line.message))"# }
        for (name, value) in line.fields + fields {
            json += ",\(quoted(name)):"
            switch value {
            case .number(let number): json += "\(number)"
            case .decimal(let number): json += "\(number)"
            case .text(let text): json += quoted(String(text.prefix(1000)))
            }
        }
        return json + "}"
    }

    /// A JSON string; what a terminal would act on is escaped as well.
    private func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\n": quoted += "\\n"
            case "\r": quoted += "\\r"
            case "\t": quoted += "\\t"
            default:
                if scalar.value < 0x20 || !Printable.isSafe(scalar) {
                    for unit in String(scalar).utf16 {
                        let hex = String(unit, radix: 16, uppercase: true)
                        quoted += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
                    }
                } else {
                    quoted.unicodeScalars.append(scalar)
                }
            }
        }
        return quoted + "\""
    }
}
