/// What happened to a job so far: the part of its envelope that a retry rewrites.
package struct DeliveryState: Sendable, Hashable {
    /// One attempt that failed.
    package struct Failure: Sendable, Hashable {
        /// The error's type; at most 100 scalars.
        package let type: String
        /// What the error says; at most 500 scalars.
        package let message: String
        /// When it failed, in milliseconds since 1970.
        package let at: Int64
        /// Which attempt it was, from 1.
        package let attempt: Int
        /// The id of the worker that ran it; at most 100 scalars.
        package let worker: String

        /// Makes a failure, its texts cut to their limits.
        package init(type: String, message: String, at: Int64, attempt: Int, worker: String) {
            self.type = cut(type, to: 100)
            self.message = cut(message, to: 500)
            self.at = at
            self.attempt = attempt
            self.worker = cut(worker, to: 100)
        }
    }

    /// Most failures that are kept; the oldest go first.
    package static let maxErrors = 5
    /// The most that a count can be; a greater one on the wire is read as this.
    package static let maxCount = 1_000_000
    /// More bytes than any state written here has: 5 failures of 700 scalars, 6 bytes each.
    package static let maxBytes = 32_768

    /// Attempts that were spent; 0 for a job that was never run.
    package var attempt: Int {
        didSet { attempt = clamp(Int64(attempt)) }
    }
    /// The last failures, oldest first; at most five.
    package private(set) var errors: [Failure]
    /// The start that a rate limit has reserved for it, server µs; 0 is none.
    package var reserved: Int64 = 0

    /// Makes a state; the count is clamped to 0…`maxCount`, of the errors the last five are kept.
    package init(attempt: Int = 0, errors: [Failure] = []) {
        self.attempt = clamp(Int64(attempt))
        self.errors = errors.suffix(Self.maxErrors)
    }

    /// Appends a failure and drops the oldest beyond five.
    package mutating func record(_ failure: Failure) {
        errors = (errors + [failure]).suffix(Self.maxErrors)
    }

    /// Whether nothing happened yet, so that nothing need be written.
    package var isInitial: Bool { attempt == 0 && errors.isEmpty && reserved == 0 }
}

private func clamp(_ count: Int64) -> Int {
    Int(min(max(count, 0), Int64(DeliveryState.maxCount)))
}

/// The first scalars of a text; costs nothing when it is short.
private func cut(_ text: String, to limit: Int) -> String {
    if text.utf8.count <= limit || text.unicodeScalars.count <= limit { return text }
    return String(text.unicodeScalars.prefix(limit - 1)) + "…"
}

extension DeliveryState {
    /// Reads the value of `state`.
    ///
    /// Forged the count is clamped, unknown members skipped, failures that are none left out.
    ///
    /// - Throws: `EnvelopeError` when it is no object or the count is no whole number.
    init(
        _ bytes: UnsafeBufferPointer<UInt8>, _ value: JSONScanner.Value
    ) throws(EnvelopeError) {
        self.init()
        var scanner = JSONScanner(bytes, in: value.range)
        if scanner.isNull(value) { return }
        guard value.kind == .object else { throw .notOfType("state", expected: "an object") }
        scanner.at += 1
        var isFirst = true
        while let member = try scanner.nextMember(isFirst: isFirst, depth: 1) {
            isFirst = false
            if scanner.isKey(member.key, "attempt") {
                attempt = try count(scanner, member.value, "state.attempt")
            } else if scanner.isKey(member.key, "reserved") {
                // Forged it is at most a wait that the limit gives anew.
                if case .value(let number) = scanner.whole(member.value) {
                    reserved = min(max(number, 0), EnvelopeBounds.maxTime)
                }
            } else if scanner.isKey(member.key, "errors"), !scanner.isNull(member.value) {
                guard member.value.kind == .array else {
                    throw .notOfType("state.errors", expected: "an array")
                }
                errors = try failures(bytes, member.value)
            }
        }
    }

    private func count(
        _ scanner: JSONScanner, _ value: JSONScanner.Value, _ key: StaticText
    ) throws(EnvelopeError) -> Int {
        switch scanner.whole(value) {
        case .value(let number): return clamp(number)
        case .tooGreat: return Self.maxCount
        case .tooSmall: return 0
        case .fraction: throw .outOfRange(key, expected: "a whole number")
        case .none:
            if scanner.isNull(value) { return 0 }
            throw .outOfRange(key, expected: "a whole number")
        }
    }

    private func failures(
        _ bytes: UnsafeBufferPointer<UInt8>, _ value: JSONScanner.Value
    ) throws(EnvelopeError) -> [Failure] {
        var scanner = JSONScanner(bytes, in: value.range)
        scanner.at += 1
        var last: [JSONScanner.Value] = []
        var isFirst = true
        while let element = try scanner.nextElement(isFirst: isFirst, depth: 1) {
            isFirst = false
            guard element.kind == .object else { continue }
            if last.count == Self.maxErrors { last.removeFirst() }
            last.append(element)
        }
        var result: [Failure] = []
        for element in last { result.append(try failure(bytes, element)) }
        return result
    }

    private func failure(
        _ bytes: UnsafeBufferPointer<UInt8>, _ value: JSONScanner.Value
    ) throws(EnvelopeError) -> Failure {
        var scanner = JSONScanner(bytes, in: value.range)
        scanner.at += 1
        var type = ""
        var message = ""
        var worker = ""
        var at: Int64 = 0
        var attempt = 0
        var isFirst = true
        while let member = try scanner.nextMember(isFirst: isFirst, depth: 1) {
            isFirst = false
            let value = member.value
            if value.kind == .string {
                if scanner.isKey(member.key, "type") { type = scanner.text(value) }
                if scanner.isKey(member.key, "message") { message = scanner.text(value) }
                if scanner.isKey(member.key, "worker") { worker = scanner.text(value) }
            } else if case .value(let number) = scanner.whole(value) {
                if scanner.isKey(member.key, "at") { at = max(number, 0) }
                if scanner.isKey(member.key, "attempt") { attempt = clamp(number) }
            }
        }
        return Failure(type: type, message: message, at: at, attempt: attempt, worker: worker)
    }

    /// Appends the state as a JSON object, defaults left out.
    func write(to bytes: inout [UInt8]) {
        bytes.append(literal: "{\"attempt\":")
        bytes.append(decimal: Int64(attempt))
        if !errors.isEmpty {
            bytes.append(literal: ",\"errors\":[")
            for (index, error) in errors.enumerated() {
                bytes.append(literal: index == 0 ? "{\"type\":" : ",{\"type\":")
                bytes.append(jsonString: error.type)
                bytes.append(literal: ",\"message\":")
                bytes.append(jsonString: error.message)
                bytes.append(literal: ",\"at\":")
                bytes.append(decimal: error.at)
                bytes.append(literal: ",\"attempt\":")
                bytes.append(decimal: Int64(error.attempt))
                bytes.append(literal: ",\"worker\":")
                bytes.append(jsonString: error.worker)
                bytes.append(UInt8(ascii: "}"))
            }
            bytes.append(UInt8(ascii: "]"))
        }
        if reserved > 0 {
            bytes.append(literal: ",\"reserved\":")
            bytes.append(decimal: reserved)
        }
        bytes.append(UInt8(ascii: "}"))
    }
}
