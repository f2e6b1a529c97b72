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
        let console = invocation.console
        let format = invocation[OutputFormat.option]
        switch format {
        case .name: for lock in locks { console.print(escaped(lock.name, limit: nil)) }
        case .jsonl:
            for lock in locks {
                var object = JSONObject.versioned
                set(lock, in: &object)
                console.print(object.text)
            }
        case .json:
            let texts = locks.map { lock in
                var object = JSONObject()
                set(lock, in: &object)
                return object.text
            }
            var object = JSONObject.versioned
            object.set("locks", raw: "[" + texts.joined(separator: ",") + "]")
            console.print(object.text)
        case .table where locks.isEmpty, .wide where locks.isEmpty: console.print("no locks held")
        case .table, .wide:
            let rows = locks.map { lock in
                [
                    TextTable.Cell(escaped(lock.name)), TextTable.Cell(escaped(lock.worker)),
                    TextTable.Cell(RFC3339.format(milliseconds: lock.until)),
                ]
            }
            invocation.printTable(columns, rows, isWide: format == .wide)
        }
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
