internal import RedisLink

/// What became of a note of a step.
enum StepNote: Int, Sendable {
    case noted = 1
    /// The run does not hold its job any more.
    case notHeld = 0
    case tooManyNames = -1
    case tooManyBytes = -2
}

extension QueueStore {
    /// `note.lua`: notes what a step of a job returned; may be sent again.
    ///
    /// - Parameters:
    ///   - worker: The life of a worker that holds the run.
    ///   - tag: Of the run that says so.
    ///   - field: As `StepField` has it.
    func noteStep(
        worker: String, tag: Int, of owner: StepOwner, field: String, json: [UInt8],
        bounds: StepBounds
    ) -> Call<StepNote> {
        let key = keys.steps(owner.id)
        var words = Arguments(
            calling: Scripts.note, keys: [keys.workers, keys.active(worker), key])
        words.append(worker)
        words.append(tag)
        words.append(field)
        words.append(json)
        words.append(bounds.keep.milliseconds)
        words.append(bounds.names)
        words.append(bounds.bytes)
        words.append(owner.mark ?? "")
        return Call(key: key, command: Command(script: Scripts.note, words)) {
            reply throws(RedisError) in
            guard let note = reply.integer.flatMap(StepNote.init(rawValue:)) else {
                throw .unexpectedReply(command: "note", got: reply.kind)
            }
            return note
        }
    }

    /// What a step returned before; nil when it is not known, or is another job's of the same id.
    func step(of owner: StepOwner, field: String) -> Call<[UInt8]?> {
        let key = keys.steps(owner.id)
        return Call(key: key, command: Command("HMGET", key, ":of", field)) {
            value throws(RedisError) in
            guard let reply = value.array, reply.count == 2 else {
                throw .unexpectedReply(command: "HMGET", got: value.kind)
            }
            let noted = reply[0].text ?? ""
            return noted.isEmpty || owner.mark.map { $0 == noted } ?? true
                ? reply[1].bytes : nil
        }
    }
}
