/// The lock a job took when it was enqueued, as its envelope carries it: `unique`.
package struct UniqueLock: Sendable, Hashable {
    /// When the job lets go of it.
    package enum End: String, Sendable, Hashable, CaseIterable {
        /// When it starts.
        case start
        /// When it is done, dead or otherwise over.
        case done
        /// Never: the lock lapses by itself.
        case time
        /// None is taken at enqueue: it takes a place of its own when it starts.
        case running

        /// Held since the enqueue until the job is over, as far as it has not let go before.
        package var isHeldByJob: Bool { self == .start || self == .done }
    }

    /// What an enqueue takes of it: nothing of a job that is unique only while it runs.
    var atEnqueue: UniqueLock? { end == .running ? nil : self }

    /// 1 to 64 of `A-Z a-z 0-9 . _ -`.
    package let key: String
    package let end: End
    /// Its longest life in ms, counted anew with every retry.
    package let milliseconds: Int

    package init(key: String, end: End, milliseconds: Int) {
        self.key = key
        self.end = end
        self.milliseconds = milliseconds
    }

    /// 1 ms to 10 years and a day.
    static let bounds: ClosedRange<Int64> = 1...315_446_400_000
}

extension UniqueLock {
    /// Reads the value of `unique`.
    ///
    /// - Throws: `EnvelopeError` when it is no object, or lacks its key, or its time is out of
    ///   bounds.
    init(
        _ bytes: UnsafeBufferPointer<UInt8>, _ value: JSONScanner.Value
    ) throws(EnvelopeError) {
        guard value.kind == .object else { throw .notOfType("unique", expected: "an object") }
        var scanner = JSONScanner(bytes, in: value.range)
        scanner.at += 1
        var key = ""
        var end = End.done
        var milliseconds: Int64 = 86_400_000
        var isFirst = true
        while let member = try scanner.nextMember(isFirst: isFirst, depth: 1) {
            isFirst = false
            if scanner.isKey(member.key, "key") {
                guard member.value.kind == .string else { throw .notText("unique.key") }
                do { key = try NameError.check(scanner.text(member.value), as: .unique) } catch {
                    throw .badName(error)
                }
            } else if scanner.isKey(member.key, "until") {
                let text = member.value.kind == .string ? scanner.text(member.value) : ""
                guard let known = End(rawValue: text) else {
                    throw .outOfRange(
                        "unique.until", expected: "'start', 'done', 'time' or 'running'")
                }
                end = known
            } else if scanner.isKey(member.key, "for") {
                guard case .value(let number) = scanner.whole(member.value),
                    Self.bounds.contains(number)
                else {
                    throw .outOfRange(
                        "unique.for", expected: "a whole number from 1 to 315446400000")
                }
                milliseconds = number
            }
        }
        guard !key.isEmpty else { throw .outOfRange("unique.key", expected: "a key") }
        self.init(key: key, end: end, milliseconds: Int(milliseconds))
    }

    /// Appends it as a JSON object.
    func write(to bytes: inout [UInt8]) {
        bytes.append(literal: "{\"key\":\"")
        bytes.append(contentsOf: key.utf8)
        bytes.append(literal: "\",\"until\":\"")
        bytes.append(contentsOf: end.rawValue.utf8)
        bytes.append(literal: "\",\"for\":")
        bytes.append(decimal: Int64(milliseconds))
        bytes.append(UInt8(ascii: "}"))
    }
}
