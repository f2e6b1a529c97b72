internal import FoundationEssentials
internal import RedisLink

/// How a job ended, as its result key holds it.
public struct JobOutcome: Sendable {
    /// How a job can end.
    @nonexhaustive
    public enum State: String, Sendable, Codable {
        /// The handler returned.
        case done
        /// Given up: it is in the dead set.
        case dead
        /// Given up and forgotten, by the handler's word.
        case discarded
        /// Cancelled before it ended.
        case cancelled
        /// Not started in time, and dropped.
        case expired
    }

    /// How it ended.
    public let state: State
    /// The attempt that ended it, 1 for the first run.
    public let attempt: Int
    /// When that attempt started and ended, ms since 1970 by the worker's clock.
    public let startedAt: Int
    /// When it ended, ms since 1970 by the worker's clock.
    public let finishedAt: Int
    /// What went wrong, unless it is done.
    public let failure: JobFailure?
    /// The whole outcome as stored: one JSON object, its `value` is the handler's output.
    public let json: [UInt8]
}

/// What went wrong with a job.
public struct JobFailure: Sendable, Codable, Equatable, CustomStringConvertible {
    /// The error's type, such as `MailerError`.
    public let type: String
    /// Its text, cut to 500 characters.
    public let message: String

    /// `failed with <type>: <message>`, on one line.
    public var description: String { printable("failed with \(type): \(message)", limit: 600) }
}

extension JobOutcome {
    private struct Stored: Decodable {
        var state: State
        var attempt: Int
        var started: Int
        var finished: Int
        var error: JobFailure?
    }

    private struct Value<V: Decodable>: Decodable {
        var value: V
    }

    /// Reads an outcome as stored; nil when it is none of ours.
    package init?(json: [UInt8]) {
        guard let stored = try? JSONDecoder().decode(Stored.self, from: Data(json)) else {
            return nil
        }
        self.init(
            state: stored.state, attempt: stored.attempt, startedAt: stored.started,
            finishedAt: stored.finished, failure: stored.error, json: json)
    }

    /// The handler's output.
    package func value<V: Decodable>(as type: V.Type) throws -> V {
        if type == NoOutput.self, let none = NoOutput() as? V { return none }
        return try JSONDecoder().decode(Value<V>.self, from: Data(json)).value
    }

    /// Encodes the outcome of a job that is done.
    ///
    /// - Parameter value: The output as JSON; nil for none.
    package static func done(value: [UInt8]?, attempt: Int, started: Int, finished: Int) -> [UInt8]
    {
        var json = Array(#"{"state":"done","attempt":"#.utf8)
        json.reserveCapacity(112 + (value?.count ?? 0))
        json.appendNumbers(attempt, started, finished)
        if let value {
            json += #","value":"#.utf8
            json += value
        }
        json.append(UInt8(ascii: "}"))
        return json
    }

    /// Encodes the outcome of a job that is not.
    package static func ended(
        _ state: State, _ failure: JobFailure, attempt: Int, started: Int, finished: Int
    ) -> [UInt8] {
        var json = Array(#"{"state":"\#(state.rawValue)","attempt":"#.utf8)
        json.appendNumbers(attempt, started, finished)
        json += #","error":"#.utf8
        json += (try? JSONEncoder().encode(failure)).map { [UInt8]($0) } ?? Array("null".utf8)
        json.append(UInt8(ascii: "}"))
        return json
    }
}

extension [UInt8] {
    fileprivate mutating func appendNumbers(_ attempt: Int, _ started: Int, _ finished: Int) {
        appendDecimal(attempt)
        self += #","started":"#.utf8
        appendDecimal(started)
        self += #","finished":"#.utf8
        appendDecimal(finished)
    }

    /// Appends a number in decimal; a String of more than 15 digits would be allocated.
    package mutating func appendDecimal(_ number: Int) {
        let before = count
        var rest = number.magnitude
        repeat {
            append(UInt8(ascii: "0") + UInt8(rest % 10))
            rest /= 10
        } while rest > 0
        if number < 0 { append(UInt8(ascii: "-")) }
        self[before...].reverse()
    }
}
