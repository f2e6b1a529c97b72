internal import RedisLink

extension Draft {
    /// A job of which only some options are set: what is nil is left to the handler.
    ///
    /// - Parameters:
    ///   - hasOwnID: The caller chose the writer's id: it is remembered longer.
    package init(
        _ writer: EnvelopeWriter, hasOwnID: Bool, terms: Terms = Terms(), maxBytes: Int
    ) throws(EnvelopeError) {
        let json = try writer.bytes(limits: Envelope.Limits(maxBytes: maxBytes))
        self.init(
            queue: (writer.queue ?? .default).description,
            job: NewJob(id: writer.id.description, json: json), hasOwnID: hasOwnID, terms: terms)
    }

    /// A job that somebody wrote as a whole, as on a line of NDJSON.
    ///
    /// Members that JobRunner does not know stay as they are, byte for byte. A delivery state is
    /// left out: what is enqueued starts afresh. A missing id and the time are filled in.
    ///
    /// - Parameter queue: For a job that names none.
    package init(
        envelope bytes: [UInt8], queue: QueueName = .default, maxBytes: Int
    ) throws(EnvelopeError) {
        let now = Int64(WallClock.milliseconds())
        let envelope = try Envelope(bytes, limits: Envelope.Limits(maxBytes: maxBytes))
        let id = envelope.id ?? JobID.generate(now: now)
        var json = envelope.rewritten(state: DeliveryState(), idIfMissing: id)
        if envelope.enqueued == nil, envelope.valueRange(of: "enqueued") == nil {
            json.removeLast()
            json.append(literal: ",\"enqueued\":")
            json.append(decimal: now)
            json.append(UInt8(ascii: "}"))
        }
        guard json.count <= maxBytes else { throw .tooLarge(bytes: json.count, limit: maxBytes) }
        var terms = Terms()
        terms.unique = envelope.unique?.atEnqueue
        terms.isRanked = envelope.priority > 0 || envelope.tenant != nil
        self.init(
            queue: (envelope.queue ?? queue).description,
            job: NewJob(id: id.description, json: json), hasOwnID: envelope.id != nil,
            terms: terms)
    }
}
