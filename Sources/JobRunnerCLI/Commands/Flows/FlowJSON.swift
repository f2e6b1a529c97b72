internal import JobRunner

/// A workflow as one JSON object: what `flows show -o json` prints.
enum FlowJSON {
    static func object(_ flow: WorkflowStatus) -> JSONObject {
        var object = JSONObject.versioned
        object.set("handle", flow.handle)
        object.set("queue", flow.queue)
        object.set("id", flow.id)
        object.set("name", flow.name)
        object.set("state", flow.state.rawValue)
        object.set("opened", time: flow.openedAt)
        object.set("ended", time: flow.endedAt)
        object.set("round", flow.round)
        object.set("root", flow.root)
        object.set("steps", raw: list(flow.steps.map { step($0).text }))
        if let members = flow.members {
            var counts = JSONObject()
            counts.set("open", members.open)
            for (state, count) in members.ended.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
                counts.set(state.rawValue, count)
            }
            counts.set("complete", members.isComplete)
            counts.set("failures", raw: list(members.failures.map { failure($0).text }))
            object.set("members", raw: counts.text)
        }
        return object
    }

    private static func step(_ step: WorkflowStatus.Step) -> JSONObject {
        var object = JSONObject()
        object.set("step", step.number)
        object.set("kind", step.job == nil ? "group" : "job")
        object.set("label", step.label)
        object.set("job", step.job)
        object.set("queue", step.queue)
        object.set("needs", step.needs)
        if step.job == nil { object.set("members", raw: list(step.members.map { "\($0)" })) }
        object.set("after", raw: list(step.after.map { "\($0)" }))
        object.set("on_failure_of", step.onFailureOf)
        object.set("hook", step.hook)
        object.set("state", step.state.rawValue)
        object.set("enqueued", time: step.enqueuedAt)
        object.set("ended", time: step.endedAt)
        if let start = step.enqueuedAt, let end = step.endedAt {
            object.set("duration_ms", max(0, end - start))
        }
        if let failure = step.failure { object.set("error", raw: self.failure(failure).text) }
        return object
    }

    private static func failure(_ failure: WorkflowFailure) -> JSONObject {
        var object = JSONObject()
        object.set("step", failure.step)
        object.set("job", failure.job)
        object.set("state", failure.state)
        object.set("type", failure.type)
        object.set("message", failure.message)
        return object
    }

    private static func list(_ texts: [String]) -> String {
        "[" + texts.joined(separator: ",") + "]"
    }
}
