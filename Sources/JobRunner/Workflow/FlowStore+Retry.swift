internal import RedisLink

extension FlowStore {
    /// A step that goes back to waiting, or starts.
    struct Revival: Sendable {
        let step: Int
        /// The text of its state, as it was read; nil is none.
        let was: String?
        let starts: Bool
        /// The job under its new id; nil for a group.
        let job: Entry?
    }

    /// How a retry went.
    enum Revived: Sendable, Equatable {
        case goesOn, changedMeanwhile, unknown
    }

    /// `revive.lua`: a workflow that ended goes on; its caller enqueues what starts.
    ///
    /// May be sent again: the answer is the same.
    ///
    /// - Parameters:
    ///   - ended: As it was read.
    ///   - round: The one that begins.
    ///   - life: How long it may live at most, ms.
    func revive(_ steps: [Revival], _ sets: [FlowRetry.Set], ended: Int, round: Int, life: Int)
        -> Call<Revived>
    {
        var words = Arguments(
            calling: Scripts.revive, keys: [flow, keys.result(id)])
        words.append(ended, round, life)
        words.append(steps.count)
        for step in steps {
            words.append(step.step)
            words.append(step.was ?? "")
            words.append(step.starts ? "f" : "")
            words.append(step.job?.bytes ?? [])
        }
        words.append(sets.count)
        for set in sets {
            words.append(set.kind)
            words.append(set.step, set.steps.count)
            for step in set.steps { words.append(step) }
        }
        return Call(key: flow, command: Command(script: Scripts.revive, words)) {
            value throws(RedisError) in
            switch value.integer {
            case 1: return .goesOn
            case 0: return .changedMeanwhile
            case -1: return .unknown
            default: throw .unexpectedReply(command: "revive", got: value.kind)
            }
        }
    }
}
