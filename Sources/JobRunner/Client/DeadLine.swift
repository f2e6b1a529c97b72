internal import FoundationEssentials

/// A dead job as one line of JSON, for a file: `dead export` writes it, `dead import` reads it.
package struct DeadLine: Sendable {
    package var queue: String
    /// RFC 3339.
    package var diedAt: String
    package var reason: String
    package var worker: String
    package var tag: Int
    package var job: [UInt8]

    /// Why a line is none; one line, without a value of the job.
    package struct Flaw: Error, Sendable, CustomStringConvertible {
        package let description: String
    }

    /// Reads a line.
    ///
    /// Needs `queue`, `died_at` and `job` or `job_base64`; unknown members are skipped.
    package init(_ line: [UInt8]) throws(Flaw) {
        var fields: [String: String] = [:]
        var numbers: [String: Int] = [:]
        var json: [UInt8]?
        do throws(EnvelopeError) {
            json = try Self.read(line, &fields, &numbers)
        } catch {
            throw Flaw(description: error.description)
        }
        guard let queue = fields["queue"] else { throw Self.missing("queue") }
        do throws(NameError) { self.queue = try QueueName(queue).description } catch {
            throw Flaw(description: error.description)
        }
        guard let diedAt = fields["died_at"] else { throw Self.missing("died_at") }
        self.diedAt = diedAt
        reason = fields["reason"] ?? ""
        worker = fields["worker"] ?? "-"
        tag = numbers["tag"] ?? 0
        let isOneLine = !reason.utf8.contains(UInt8(ascii: "\n"))
        guard isOneLine else { throw Flaw(description: "'reason' is of more than one line") }
        let isWorker =
            (1...100).contains(worker.utf8.count)
            && worker.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "/") }
        guard isWorker else { throw Flaw(description: "'worker' is no worker's id") }
        if let json {
            guard fields["job_base64"] == nil else {
                throw Flaw(description: "it has both 'job' and 'job_base64'")
            }
            job = json
        } else {
            guard let text = fields["job_base64"] else { throw Self.missing("job") }
            guard let data = Data(base64Encoded: text) else {
                throw Flaw(description: "'job_base64' is not base64")
            }
            job = [UInt8](data)
        }
    }

    private static func missing(_ key: String) -> Flaw { Flaw(description: "it has no '\(key)'") }

    /// - Returns: The bytes of `job`.
    private static func read(
        _ line: [UInt8], _ fields: inout [String: String], _ numbers: inout [String: Int]
    ) throws(EnvelopeError) -> [UInt8]? {
        try line.withUnsafeBufferPointer { (bytes) throws(EnvelopeError) in
            var scanner = JSONScanner(bytes)
            scanner.skipWhitespace()
            guard scanner.peek == UInt8(ascii: "{") else {
                throw .notAnObject(at: scanner.at, byte: scanner.peek)
            }
            scanner.at += 1
            var job: [UInt8]?
            var isFirst = true
            while let member = try scanner.nextMember(isFirst: isFirst, depth: 1) {
                isFirst = false
                if scanner.isKey(member.key, "job") {
                    job = Array(bytes[member.value.range])
                } else if scanner.isKey(member.key, "tag") {
                    guard case .value(let tag) = scanner.whole(member.value), tag >= 0 else {
                        throw .outOfRange("tag", expected: "a whole number")
                    }
                    numbers["tag"] = Int(tag)
                } else if member.value.kind == .string {
                    fields[scanner.text(member.key)] = scanner.text(member.value)
                }
            }
            scanner.skipWhitespace()
            guard scanner.at == scanner.end else { throw .trailingBytes(at: scanner.at) }
            return job
        }
    }
}

extension DeadJob {
    /// Whether the bytes of the job are one JSON value.
    package var isJSON: Bool {
        let limits = Envelope.Limits(maxBytes: .max, maxDepth: 64)
        do throws(EnvelopeError) {
            try EnvelopeWriter.checkArguments(job, limits: limits)
            return true
        } catch {
            return false
        }
    }

    /// The bytes of the job in base 64.
    package var base64: String { Data(job).base64EncodedString() }
}
