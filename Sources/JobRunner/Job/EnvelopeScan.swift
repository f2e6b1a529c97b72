/// The members that an envelope is read for, by their keys.
private enum Field: UInt32, CaseIterable {
    case id, job, queue, args, enqueued, maxAttempts, timeLimit, resultTTL, expires, expired, v,
        state, priority, fair, unique, flow, input, reply, answer

    var key: StaticText {
        switch self {
        case .id: "id"
        case .job: "job"
        case .queue: "queue"
        case .args: "args"
        case .enqueued: "enqueued"
        case .maxAttempts: "maxAttempts"
        case .timeLimit: "timeLimit"
        case .resultTTL: "resultTTL"
        case .expires: "expires"
        case .expired: "expired"
        case .v: "v"
        case .state: "state"
        case .priority: "priority"
        case .fair: "fair"
        case .unique: "unique"
        case .flow: "flow"
        case .input: "input"
        case .reply: "reply"
        case .answer: "answer"
        }
    }

    /// Finds the field of a key by its length, then by its bytes.
    @inline(__always)
    init?(_ key: JSONScanner.Value, in scanner: JSONScanner) {
        switch key.isEscaped ? scanner.text(key).utf8.count : key.range.count - 2 {
        case 1 where scanner.isKey(key, "v"): self = .v
        case 2 where scanner.isKey(key, "id"): self = .id
        case 3 where scanner.isKey(key, "job"): self = .job
        case 4 where scanner.isKey(key, "args"): self = .args
        case 4 where scanner.isKey(key, "fair"): self = .fair
        case 4 where scanner.isKey(key, "flow"): self = .flow
        case 5 where scanner.isKey(key, "queue"): self = .queue
        case 5 where scanner.isKey(key, "state"): self = .state
        case 5 where scanner.isKey(key, "input"): self = .input
        case 5 where scanner.isKey(key, "reply"): self = .reply
        case 6 where scanner.isKey(key, "unique"): self = .unique
        case 6 where scanner.isKey(key, "answer"): self = .answer
        case 7 where scanner.isKey(key, "expires"): self = .expires
        case 7 where scanner.isKey(key, "expired"): self = .expired
        case 8 where scanner.isKey(key, "enqueued"): self = .enqueued
        case 8 where scanner.isKey(key, "priority"): self = .priority
        case 9 where scanner.isKey(key, "timeLimit"): self = .timeLimit
        case 9 where scanner.isKey(key, "resultTTL"): self = .resultTTL
        case 11 where scanner.isKey(key, "maxAttempts"): self = .maxAttempts
        default: return nil
        }
    }
}

/// What the options of a job may be, on the wire and at enqueue.
enum EnvelopeBounds {
    static let maxAttempts: ClosedRange<Int64> = 1...1000
    /// Milliseconds, up to 30 days.
    static let timeLimit: ClosedRange<Int64> = 1...2_592_000_000
    /// Milliseconds, 1 s to 30 days; 0 is allowed beside it.
    static let resultTTL: ClosedRange<Int64> = 1000...2_592_000_000
    static let version: ClosedRange<Int64> = 1...1_000_000
    static let expires: ClosedRange<Int64> = 1...maxTime
    static let priority: ClosedRange<Int64> = 0...9
    /// 2⁵³ − 1, the greatest whole number that every JSON reader keeps.
    static let maxTime: Int64 = 9_007_199_254_740_991

    static func error(_ key: StaticText) -> EnvelopeError {
        let expected: StaticText =
            switch key {
            case "maxAttempts": "a whole number from 1 to 1000"
            case "timeLimit": "a whole number from 1 to 2592000000"
            case "resultTTL": "0 or a whole number from 1000 to 2592000000"
            case "v": "a whole number from 1 to 1000000"
            case "expires": "a whole number from 1 to 9007199254740991"
            case "expired": "'bury' or 'drop'"
            case "priority": "a whole number from 0 to 9"
            case "flow": "'queue/id/step', with what the step takes after another slash"
            case "reply": "'queue/job'"
            default: "a number"
            }
        return .outOfRange(key, expected: expected)
    }
}

extension Envelope {
    /// Keys of the members that mean something.
    package static var memberKeys: [String] { Field.allCases.map(\.key.description) }

    /// Keys of the members that mean nothing here, in their order; they are kept all the same.
    ///
    /// - Parameter bytes: Of one that was read before; of anything else there are none.
    package static func strangeKeys(in bytes: [UInt8]) -> [String] {
        bytes.withUnsafeBufferPointer { buffer in
            var scanner = JSONScanner(buffer)
            scanner.skipWhitespace()
            guard scanner.peek == UInt8(ascii: "{") else { return [] }
            scanner.at += 1
            var keys: [String] = []
            var isFirst = true
            while let member = try? scanner.nextMember(isFirst: isFirst, depth: 1) {
                isFirst = false
                if Field(member.key, in: scanner) == nil { keys.append(scanner.text(member.key)) }
            }
            return keys
        }
    }

    /// Reads the one object that the bytes must be, and fills in the fields.
    mutating func scan(
        _ bytes: UnsafeBufferPointer<UInt8>, _ limits: Limits
    ) throws(EnvelopeError) {
        guard bytes.count <= limits.maxBytes + Self.idSlack + DeliveryState.maxBytes else {
            throw .tooLarge(bytes: bytes.count, limit: limits.maxBytes)
        }
        var scanner = JSONScanner(bytes, maxDepth: limits.maxDepth)
        try open(&scanner, bytes)
        // 1. Every member at the top level; what is inside them is only validated.
        var seen: UInt32 = 0
        var members = 0
        var isFirst = true
        var stateBytes = 0
        var isStateLast = true
        var immutableEnd = scanner.at
        while let member = try scanner.nextMember(isFirst: isFirst, depth: 1) {
            isFirst = false
            let field = Field(member.key, in: scanner)
            // What a retry adds must not be what makes them too many.
            if field != .id, field != .state { members += 1 }
            guard members <= limits.maxMembers else {
                throw .tooManyMembers(limit: limits.maxMembers)
            }
            if let field {
                guard seen & 1 << field.rawValue == 0 else { throw .duplicateKey(field.key) }
                seen |= 1 << field.rawValue
                try read(field, member.value, scanner, bytes)
            }
            if field == .state {
                stateBytes = member.range.count + 1
            } else {
                isStateLast = stateBytes == 0
                immutableEnd = member.range.upperBound
            }
        }
        // 2. The object as a whole.
        scanner.skipWhitespace()
        guard scanner.at == scanner.end else { throw .trailingBytes(at: scanner.at) }
        isCanonical =
            isStateLast && id.map { Self.starts(bytes, with: $0) } ?? false && hasRankInPlace(bytes)
        guard bytes.count - stateBytes <= limits.maxBytes + (isCanonical ? Self.idSlack : 0) else {
            throw .tooLarge(bytes: bytes.count - stateBytes, limit: limits.maxBytes)
        }
        guard !job.isEmpty else { throw .noJobName }
        immutable = 0..<immutableEnd
    }

    private func open(
        _ scanner: inout JSONScanner, _ bytes: UnsafeBufferPointer<UInt8>
    ) throws(EnvelopeError) {
        scanner.skipWhitespace()
        guard scanner.peek == UInt8(ascii: "{") else {
            if scanner.at == 0, bytes.starts(with: [0xEF, 0xBB, 0xBF]) { throw .byteOrderMark }
            throw .notAnObject(at: scanner.at, byte: scanner.peek)
        }
        scanner.at += 1
    }

    /// Whether the bytes start with `{"id":"` and the id, unescaped.
    @inline(__always)
    private static func starts(_ bytes: UnsafeBufferPointer<UInt8>, with id: JobID) -> Bool {
        let start: StaticString = "{\"id\":\""
        let length = start.utf8CodeUnitCount
        let idLength = id.description.utf8.count
        guard bytes.count > length + idLength else { return false }
        for index in 0..<length where bytes[index] != start.utf8Start[index] { return false }
        // The object has one 'id': if it opens with that key, only an escape can hide the value.
        return bytes[length + idLength] == UInt8(ascii: "\"")
            && !bytes[length..<(length + idLength)].contains(UInt8(ascii: "\\"))
    }

    /// Whether a priority and a tenant stand right behind the id, where scripts look for them.
    private func hasRankInPlace(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        guard priority > 0 || tenant != nil else { return true }
        var expected: [UInt8] = []
        appendRank(to: &expected)
        // After `{"id":"…"`.
        let start = 8 + (id?.description.utf8.count ?? 0)
        return bytes[start...].starts(with: expected)
    }

    @inline(__always)
    private mutating func read(
        _ field: Field, _ value: JSONScanner.Value, _ scanner: JSONScanner,
        _ bytes: UnsafeBufferPointer<UInt8>
    ) throws(EnvelopeError) {
        if field == .args {
            arguments = value.range
            return
        }
        if field == .input {
            input = Array(bytes[value.range])
            return
        }
        // Null is what many producers write for "not set".
        if scanner.isNull(value) { return }
        switch field {
        case .id: id = JobID(unchecked: try name(value, .id, "id", scanner))
        case .queue: queue = QueueName(unchecked: try name(value, .queue, "queue", scanner))
        case .job:
            guard value.range.count != 2 else { throw .noJobName }
            job = try name(value, .job, "job", scanner)
        case .enqueued: enqueued = try time(value, scanner)
        case .maxAttempts:
            let number = try option(value, "maxAttempts", EnvelopeBounds.maxAttempts, scanner)
            maxAttempts = Int(number)
        case .timeLimit:
            timeLimit = try option(value, "timeLimit", EnvelopeBounds.timeLimit, scanner)
        case .resultTTL:
            resultTTL =
                scanner.whole(value) == .value(0)
                ? 0 : try option(value, "resultTTL", EnvelopeBounds.resultTTL, scanner)
        case .expires:
            expires = try option(value, "expires", EnvelopeBounds.expires, scanner)
        case .expired:
            guard value.kind == .string, let choice = Expiry(rawValue: scanner.text(value)) else {
                throw EnvelopeBounds.error("expired")
            }
            whenExpired = choice
        case .v: version = Int(try option(value, "v", EnvelopeBounds.version, scanner))
        case .priority:
            priority = Int(try option(value, "priority", EnvelopeBounds.priority, scanner))
        case .fair: tenant = try name(value, .tenant, "fair", scanner)
        case .unique: unique = try UniqueLock(bytes, value)
        case .state: state = try DeliveryState(bytes, value)
        case .flow:
            guard value.kind == .string, let place = FlowPlace(scanner.text(value)) else {
                throw EnvelopeBounds.error("flow")
            }
            flow = place
        case .reply:
            guard value.kind == .string, let address = ReplyAddress(scanner.text(value)) else {
                throw EnvelopeBounds.error("reply")
            }
            reply = address
        case .answer: answer = try name(value, .id, "answer", scanner)
        case .args, .input: break
        }
    }

    @inline(__always)
    private func name(
        _ value: JSONScanner.Value, _ kind: NameError.Kind, _ key: StaticText,
        _ scanner: JSONScanner
    ) throws(EnvelopeError) -> String {
        guard value.kind == .string else { throw .notText(key) }
        let content = scanner.content(value)
        if NameError.isName(content) { return String(decoding: content, as: UTF8.self) }
        do { return try NameError.check(scanner.text(value), as: kind) } catch {
            throw .badName(error)
        }
    }

    /// The time of enqueue only informs: a fraction is cut off, a forged one is clamped.
    private func time(
        _ value: JSONScanner.Value, _ scanner: JSONScanner
    ) throws(EnvelopeError) -> Int64 {
        switch scanner.whole(value) {
        case .value(let number), .fraction(let number):
            return min(max(number, 0), EnvelopeBounds.maxTime)
        case .tooGreat: return EnvelopeBounds.maxTime
        case .tooSmall: return 0
        case .none: throw EnvelopeBounds.error("enqueued")
        }
    }

    private func option(
        _ value: JSONScanner.Value, _ key: StaticText, _ range: ClosedRange<Int64>,
        _ scanner: JSONScanner
    ) throws(EnvelopeError) -> Int64 {
        guard case .value(let number) = scanner.whole(value), range.contains(number) else {
            throw EnvelopeBounds.error(key)
        }
        return number
    }
}
