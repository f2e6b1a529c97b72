internal import JobRunner

/// Jobs of consecutive lines of a file, ready to be sent together.
struct LineBatch: Sendable {
    enum End: Sendable, Equatable {
        /// More lines follow.
        case open
        case endOfFile
        case interrupted
        /// The line after the last is bad, and bad lines are not skipped.
        case badLine(BadLine)
        case unreadable(CommandFailure)
    }

    struct BadLine: Sendable, Equatable {
        let number: Int
        /// One line, without any of the text.
        let reason: String
    }

    var drafts: [Draft] = []
    /// Of each draft.
    var numbers: [Int] = []
    var skipped: [BadLine] = []
    /// Members that mean nothing, each key once a file.
    var strange: [StrangeMember] = []
    /// The last line that is done once this batch is accepted.
    var lastLine = 0
    /// Bytes of the file so far.
    var consumed = 0
    var end = End.open
}

/// Makes batches of a file's lines.
struct LineBatcher {
    /// What becomes of members that mean nothing.
    enum Members: Sendable {
        /// The lines are no jobs: any member is.
        case any
        case told
        /// The line is bad.
        case refused
    }

    /// Makes a job of a line, or says why it is none.
    typealias Making = @Sendable ([UInt8]) throws(EnvelopeError) -> Draft

    /// What one `enqueue_many` takes.
    private static let mostJobs = 1000
    private static let mostBytes = 1 << 20

    private var reader: LineReader
    private let maxJobBytes: Int
    private let firstLine: Int
    private let skipsBad: Bool
    private let members: Members
    private let make: Making
    private var told: Set<String> = []

    /// - Parameters:
    ///   - skip: Lines at the start that are done already.
    ///   - skipsBad: Whether to go on behind a bad line.
    init(
        _ file: InputFile, interrupts: Interrupts, maxJobBytes: Int, skip: Int, skipsBad: Bool,
        members: Members = .any, make: @escaping Making
    ) {
        // A job that was exported with its errors is longer, and shorter without them.
        reader = LineReader(
            file, limit: maxJobBytes + DeliveryState.maxBytes, interrupts: interrupts)
        self.maxJobBytes = maxJobBytes
        firstLine = skip + 1
        self.skipsBad = skipsBad
        self.members = members
        self.make = make
    }

    /// The next batch: full, or of the lines that are there when no more come at once.
    mutating func next() -> LineBatch {
        var batch = LineBatch()
        batch.lastLine = reader.number
        var bytes = 0
        var bad: LineBatch.BadLine?
        while batch.end == .open, batch.drafts.count < Self.mostJobs, bytes < Self.mostBytes {
            let event: LineReader.Event
            do {
                event = try reader.next(waits: batch.drafts.isEmpty && batch.skipped.isEmpty)
            } catch {
                batch.end = .unreadable(error)
                break
            }
            switch event {
            case .line(let line): bad = take(line, into: &batch, &bytes)
            case .tooLong(let bytes):
                let error = EnvelopeError.tooLarge(bytes: bytes, limit: maxJobBytes)
                bad = isDone ? nil : LineBatch.BadLine(number: reader.number, reason: "\(error)")
            case .pause: return batch
            case .end: batch.end = .endOfFile
            case .interrupted: batch.end = .interrupted
            }
            if let bad, !skipsBad {
                batch.end = .badLine(bad)
                break
            }
            if let bad { batch.skipped.append(bad) }
            bad = nil
            batch.lastLine = reader.number
            batch.consumed = reader.consumed
        }
        return batch
    }

    private var isDone: Bool { reader.number < firstLine }

    private mutating func take(
        _ line: [UInt8], into batch: inout LineBatch, _ bytes: inout Int
    ) -> LineBatch.BadLine? {
        let text = line.trimmed
        if isDone || text.isEmpty { return nil }
        do throws(EnvelopeError) {
            let draft = try make(Array(text))
            let strange = strange(in: text)
            if members == .refused, let first = strange.first {
                return LineBatch.BadLine(number: reader.number, reason: first.text)
            }
            for member in strange where told.count < StrangeMember.mostTold {
                if told.insert(member.key).inserted { batch.strange.append(member) }
            }
            batch.drafts.append(draft)
            batch.numbers.append(reader.number)
            bytes += draft.job.json.count
            return nil
        } catch {
            return LineBatch.BadLine(number: reader.number, reason: error.description)
        }
    }

    private func strange(in line: ArraySlice<UInt8>) -> [StrangeMember] {
        guard members != .any, members == .refused || told.count < StrangeMember.mostTold else {
            return []
        }
        let keys = Envelope.strangeKeys(in: Array(line))
        return keys.filter { !$0.hasPrefix(StrangeMember.ownPrefix) }.map {
            StrangeMember(key: $0, line: reader.number)
        }
    }
}

extension [UInt8] {
    /// Without JSON's white space at both ends.
    var trimmed: ArraySlice<UInt8> {
        func isSpace(_ byte: UInt8) -> Bool {
            byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09
        }
        var slice = self[...]
        while let first = slice.first, isSpace(first) { slice.removeFirst() }
        while let last = slice.last, isSpace(last) { slice.removeLast() }
        return slice
    }
}
