internal import RedisLink

/// A job that was given up, as it stands among the dead of its queue.
package struct DeadJob: Sendable {
    package let queue: String
    /// What the dead set holds; the head of it when ``isCut``.
    package let entry: [UInt8]
    /// Bytes of the job, known also when it is cut.
    package let size: Int
    /// Server ms.
    package let diedAt: Int
    /// Who gave it up; `-` when that was no worker.
    package let worker: String
    /// Its tag there, 0 when it had none.
    package let tag: Int
    /// Why, one line; foreign text.
    package let reason: String
    /// Where its bytes stand in `entry`.
    private let start: Int
    /// Nil when the bytes are no job.
    package let envelope: Envelope?
    /// Why they are none.
    package let flaw: String?
    /// Its own id, or what scripts call it by: the one its bytes start with, or their SHA-1.
    package let id: String
    /// Too long to be read here: only its head is known, and it can be looked at only.
    package let isCut: Bool

    /// As lenient as the scanner is: what a worker refuses as too large may run elsewhere.
    private static let limits = Envelope.Limits(
        maxBytes: 64 << 20, maxDepth: 64, maxMembers: 65_536)

    package init(queue: String, entry: [UInt8], size: Int? = nil, diedAt: Int) {
        self.queue = queue
        self.entry = entry
        self.diedAt = diedAt
        isCut = size.map { $0 > entry.count } ?? false
        let head = Head(entry)
        worker = head.worker
        tag = head.tag
        reason = head.reason
        start = head.length
        self.size = (size ?? entry.count) - head.length
        let job = Array(entry[head.length...])
        do throws(EnvelopeError) {
            envelope = isCut ? nil : try Envelope(job, limits: Self.limits)
            flaw = isCut ? "too long to be read here" : nil
        } catch {
            envelope = nil
            flaw = error.description
        }
        id = (envelope?.id ?? Envelope.idAtStart(of: job))?.description ?? sha1Hex(job)
    }

    /// The job's bytes.
    package var job: [UInt8] { Array(entry[start...]) }
    /// The job's name; nil when its bytes are no job.
    package var name: String? { envelope?.job }
    /// `queue/id`.
    package var handle: String { "\(queue)/\(id)" }

    /// What runs when it is retried: the attempts are forgotten, the errors are not.
    ///
    /// Bytes that are no job go back as they are.
    package var revived: [UInt8] {
        guard let envelope else { return job }
        let state = DeliveryState(attempt: 0, errors: envelope.state.errors)
        return envelope.rewritten(
            state: state,
            idIfMissing: JobID.generate(now: Int64(WallClock.milliseconds())))
    }

    /// What the dead set holds of a job: the inverse of reading it.
    package static func entry(worker: String, tag: Int, reason: String, job: [UInt8]) -> [UInt8] {
        Array("\(worker)/\(tag) \(reason)\n".utf8) + job
    }

    /// The line before the job's bytes.
    private struct Head {
        var worker = "-"
        var tag = 0
        var reason = ""
        /// Bytes of it, its newline included; 0 for an entry that has none.
        var length = 0

        init(_ entry: [UInt8]) {
            guard let end = entry.firstIndex(of: UInt8(ascii: "\n")) else { return }
            let line = entry[..<end]
            let space = line.firstIndex(of: UInt8(ascii: " ")) ?? end
            guard let slash = line[..<space].lastIndex(of: UInt8(ascii: "/")),
                let tag = Int(String(decoding: line[(slash + 1)..<space], as: UTF8.self))
            else { return }
            self.tag = tag
            worker = String(decoding: line[..<slash], as: UTF8.self)
            reason = String(decoding: line[space...].dropFirst(), as: UTF8.self)
            length = end + 1
        }
    }
}
