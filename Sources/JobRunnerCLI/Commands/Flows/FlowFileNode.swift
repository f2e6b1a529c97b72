internal import JobRunner

/// What an object of the file is as a part of a workflow.
extension FlowFileObject {
    /// - Parameter hasInput: There is a step before it, whose result it may take.
    func node(hasInput: Bool) throws(FlowFileError) -> FlowNode {
        let node: FlowNode
        switch form {
        case .job: node = .job(try job(takesInput: try takesInput(hasInput)))
        case .chain:
            var nodes: [FlowNode] = []
            for (index, element) in try elements("chain").enumerated() {
                let part = try FlowFileObject(element.json, path.key("chain").index(index))
                nodes.append(try part.node(hasInput: hasInput || index > 0))
            }
            node = .chain(nodes)
        case .group:
            var nodes: [FlowNode] = []
            for (index, element) in try elements("group", isEmptyAllowed: true).enumerated() {
                let part = try FlowFileObject(element.json, path.key("group").index(index))
                nodes.append(try part.node(hasInput: hasInput))
            }
            node = .group(nodes, try rule(of: nodes.count))
        case .steps: node = try FlowFileGraph(self).node()
        }
        let failures = try onFailure()
        return failures.isEmpty ? node : .guarded(node, onFailure: failures)
    }

    private func rule(of count: Int) throws(FlowFileError) -> FlowRule {
        guard let member = members["need"] else { return .all }
        switch member.text {
        case "all": return .all
        case "each": return .each
        default:
            guard let need = member.number, (1...max(1, count)).contains(need), count > 0 else {
                throw wrong(
                    "need",
                    count == 0
                        ? "\"all\" or \"each\" where there are no members"
                        : "\"all\", \"each\" or a number from 1 to \(count)")
            }
            return .some(need)
        }
    }

    private func takesInput(_ hasInput: Bool) throws(FlowFileError) -> Bool {
        guard let member = members["input"] else { return false }
        guard let flag = member.flag else { throw wrong("input", "true or false") }
        guard !flag || hasInput else {
            throw path.key("input").error("there is no step before it whose result it could take")
        }
        return flag
    }

    private func onFailure() throws(FlowFileError) -> [FlowJob] {
        guard let member = members["onFailure"] else { return [] }
        let place = path.key("onFailure")
        var found: [(json: [UInt8], path: FlowFilePath)] = []
        if let elements = JSONTable.elements(of: member.json) {
            for (index, element) in elements.enumerated() {
                found.append((element.json, place.index(index)))
            }
        } else {
            found.append((member.json, place))
        }
        var jobs: [FlowJob] = []
        for (json, path) in found {
            let keys = Self.jobKeys + ["input"]
            let object = try FlowFileObject(json, path, form: .job, keys: keys)
            jobs.append(try object.job(takesInput: try object.takesInput(true)))
        }
        return jobs
    }

    // MARK: Jobs

    /// - Parameter label: Unless the object has one.
    func job(takesInput: Bool, label: String? = nil) throws(FlowFileError) -> FlowJob {
        var options = JobOptions()
        let name = try self.name("job", as: .job) ?? ""
        if let queue = try self.name("queue", as: .queue) { options.queue = queue }
        let attempts = try number("maxAttempts", 1...1000)
        if let attempts { options.maxAttempts = attempts }
        options.timeLimit = try duration("timeLimit", most: .seconds(30 * 86_400))
        options.expires = try duration("expires", most: StartTime.longest)
        options.priority = try number("priority", 0...9) ?? 0
        var job = FlowJob(
            name: name, arguments: members["args"]?.json ?? Array("{}".utf8), options: options,
            label: try text("label") ?? label, takesInput: takesInput)
        job.namesAttempts = attempts != nil
        return job
    }

    private func name(_ key: String, as kind: NameError.Kind) throws(FlowFileError) -> String? {
        guard let text = try text(key) else { return nil }
        do throws(NameError) { return try NameError.check(text, as: kind) } catch {
            throw path.key(key).error(error.description)
        }
    }
}
