internal import JobRunner

/// What is told of a dead job, without its bytes: so a list of many stays small.
struct DeadSummary: Sendable {
    let queue: String
    let id: String
    let handle: String
    /// Nil when its bytes are no job.
    let name: String?
    /// Why they are none.
    let flaw: String?
    let reason: String
    let worker: String
    /// Server ms.
    let diedAt: Int
    /// Attempts that were spent; nil when that is not known.
    let attempts: Int?
    let bytes: Int

    init(_ dead: DeadJob) {
        queue = dead.queue
        id = dead.id
        handle = dead.handle
        name = dead.name
        flaw = dead.flaw
        reason = dead.reason
        worker = dead.worker
        diedAt = dead.diedAt
        attempts = dead.envelope?.state.attempt
        bytes = dead.size
    }

    func set(in object: inout JSONObject) {
        object.set("handle", handle)
        object.set("queue", queue)
        object.set("id", id)
        object.set("job", name)
        object.set("flaw", flaw)
        object.set("reason", reason)
        object.set("worker", worker)
        object.set("died_at", time: diedAt)
        object.set("attempts", attempts)
        object.set("bytes", bytes)
    }

    // MARK: Table

    static let columns = [
        TextTable.Column(title: "JOB", isRight: false, least: 20),
        TextTable.Column(title: "NAME", isRight: false, rank: 2, least: 10),
        TextTable.Column(title: "AGE"),
        TextTable.Column(title: "TRIED", rank: 3),
        TextTable.Column(title: "BYTES", rank: 5),
        TextTable.Column(title: "WORKER", isRight: false, rank: 6, least: 12),
        TextTable.Column(title: "REASON", isRight: false, rank: 1, least: 20),
    ]

    /// - Parameter now: Server ms.
    func row(now: Int) -> [TextTable.Cell] {
        let age = Duration.milliseconds(max(0, now - diedAt))
        let name = name.map { TextTable.Cell(escaped($0)) } ?? TextTable.Cell("-", .caution)
        return [
            TextTable.Cell(escaped(handle, limit: 160)), name, TextTable.Cell(HumanText.span(age)),
            TextTable.Cell(attempts.map { "\($0)" } ?? "-"), TextTable.Cell(HumanText.count(bytes)),
            TextTable.Cell(escaped(worker)), TextTable.Cell(escaped(reason, limit: 600)),
        ]
    }
}

/// How rows and counts are printed by commands that list things.
extension Invocation {
    func printTable(_ columns: [TextTable.Column], _ rows: [[TextTable.Cell]], isWide: Bool) {
        let style = HelpStyle.detect(descriptor: 1, environment: environment)
        let table = TextTable(columns: columns, rows: rows)
        let isColoured = style.isColoured && console.isTerminal(1)
        for line in table.lines(width: isWide ? nil : style.width, isColoured: isColoured) {
            console.print(line)
        }
    }
}
