internal import JobRunner

/// `jobrunner limits locks`: what runs hold by `withLock`.
enum LimitsLocks {
    static let spec = CommandSpec(
        name: "locks", abstract: "List the locks between runs that are held.",
        discussion: """
            WORKER is whose run holds it; LAPSES is when it is free if that worker is gone: it \
            renews the lock while it lives. It looks through at most a million keys of Redis, in \
            small steps.
            """,
        options: [OutputFormat.option]
    ) { invocation in
        do {
            let session = try await Session.open(invocation)
            defer { session.client.close() }
            show(try await session.client.locks(), invocation)
            return .success
        } catch {
            throw CommandFailure(error)
        }
    }

    private static func show(_ locks: [LockStatus], _ invocation: Invocation) {
        Listing(
            "locks", none: "no locks held", columns: columns,
            name: { escaped($0.name, limit: nil) }, row: row, set: set
        ).show(locks, invocation)
    }

    private static func row(_ lock: LockStatus) -> [TextTable.Cell] {
        [
            TextTable.Cell(escaped(lock.name)), TextTable.Cell(escaped(lock.worker)),
            TextTable.Cell(RFC3339.format(milliseconds: lock.until)),
        ]
    }

    private static let columns = [
        TextTable.Column(title: "LOCK", isRight: false, least: 12),
        TextTable.Column(title: "WORKER", isRight: false, least: 12),
        TextTable.Column(title: "LAPSES", isRight: false),
    ]

    private static func set(_ lock: LockStatus, in object: inout JSONObject) {
        object.set("name", lock.name)
        object.set("worker", lock.worker)
        object.set("until", time: lock.until)
    }
}
