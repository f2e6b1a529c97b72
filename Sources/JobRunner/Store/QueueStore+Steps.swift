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
    ///   - tag: Of the run that says so.
    ///   - field: As `StepField` has it.
    func noteStep(
        worker: String, tag: Int, id: String, field: String, json: [UInt8], bounds: StepBounds
    ) -> Call<StepNote> {
        let key = keys.steps(id)
        var words = Arguments(
            calling: Scripts.note, keys: [keys.workers, keys.active(worker), key])
        words.append(worker)
        words.append(tag)
        words.append(field)
        words.append(json)
        words.append(bounds.keep.milliseconds)
        words.append(bounds.names)
        words.append(bounds.bytes)
        return Call(key: key, command: Command(script: Scripts.note, words)) {
            reply throws(RedisError) in
            guard let note = reply.integer.flatMap(StepNote.init(rawValue:)) else {
                throw .unexpectedReply(command: "note", got: reply.kind)
            }
            return note
        }
    }

    /// What a step returned before; nil when it is not known.
    func step(id: String, field: String) -> Call<[UInt8]?> {
        let key = keys.steps(id)
        return Call(key: key, command: Command("HGET", key, field)) { $0.bytes }
    }
}
