/// What a retry of a workflow that has ended changes.
///
/// A value: decides from what was read, and knows nothing of Redis. What is done stays so, and so
/// do failures that led to nothing but what is done: those in a group that is done are part of a
/// result that others took. All else on the way to the end goes back to waiting, and what waits
/// for nothing any more starts. A step that is set off by a failure goes back with the step that
/// failed.
struct FlowRetry: Sendable, Equatable {
    struct Set: Sendable, Equatable {
        /// `wait` or `ok`.
        let kind: String
        let step: Int
        let steps: [Int]
    }

    /// Steps that go back to waiting, in order.
    private(set) var back: [Int] = []
    /// Those of them that start at once.
    private(set) var starts: [Int] = []
    /// What those wait for that wait for several.
    private(set) var sets: [Set] = []
    /// Steps that are done, and whose end is told again: see `untold`.
    let tells: [Int]

    /// - Parameters:
    ///   - states: The letter of each step; nil is none.
    ///   - gates: Steps that wait for a set of others.
    init(_ chart: FlowChart, states: [Character?], gates: Swift.Set<Int>) {
        let isDone = states.map { $0 == "d" }
        let isRipe = Self.ripe(chart, isDone)
        tells = Self.untold(chart, states: states)
        // From the end back, as far as steps are not done.
        var isBack = isDone.map { _ in false }
        isBack[chart.root] = !isDone[chart.root]
        for (number, step) in chart.steps.enumerated().reversed() where isBack[number] {
            // Of a group that has what it needs, only groups that have it, too.
            for before in step.after where !isDone[before] {
                if !isRipe[number] || isRipe[before] { isBack[before] = true }
            }
        }
        for (number, step) in chart.steps.enumerated() {
            guard let end = step.onFailureOf else { continue }
            // One that was cancelled with the whole never started, and may have to.
            isBack[number] = isBack[end] || isDone[end] && states[number] == "c"
        }
        for (number, step) in chart.steps.enumerated() where isBack[number] {
            back.append(number)
            if step.onFailureOf != nil { continue }
            let open = step.after.filter { !isDone[$0] }
            if open.isEmpty, step.job != nil { starts.append(number) }
            guard gates.contains(number) else { continue }
            if !open.isEmpty { sets.append(Set(kind: "wait", step: number, steps: open)) }
            let done = step.after.filter { isDone[$0] }
            if step.needs.flatMap({ Int($0) }) != nil, !done.isEmpty {
                sets.append(Set(kind: "ok", step: number, steps: done))
            }
        }
    }

    /// Steps that are done, and whose end a group has to be told of again.
    ///
    /// A group that was cancelled while its members ran on has what it needs when they are done,
    /// and nobody is left to tell it.
    static func untold(_ chart: FlowChart, states: [Character?]) -> [Int] {
        let isDone = states.map { $0 == "d" }
        let isRipe = ripe(chart, isDone)
        return chart.steps.indices.compactMap { number in
            isRipe[number] && !isDone[number]
                ? chart.steps[number].after.first { isDone[$0] } : nil
        }
    }

    /// Which steps are done, or are groups that need nothing more for it.
    private static func ripe(_ chart: FlowChart, _ isDone: [Bool]) -> [Bool] {
        var isRipe = isDone
        for (number, step) in chart.steps.enumerated() where step.job == nil {
            let count = step.after.count { isRipe[$0] }
            let need = step.needs.flatMap { Int($0) } ?? step.after.count
            isRipe[number] = isDone[number] || count >= need
        }
        return isRipe
    }
}
