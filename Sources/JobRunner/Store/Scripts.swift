package import RedisLink

/// The Lua scripts, compiled into the binary from `Scripts/*.lua`.
package enum Scripts {
    package static let enqueue = Script(name: "enqueue", source: PackageResources.enqueue_lua)
    package static let enqueueMany = Script(
        name: "enqueue_many", source: PackageResources.enqueue_many_lua)
    package static let cycle = Script(
        name: "cycle", source: including(PackageResources.cycle_lua))
    package static let tick = Script(name: "tick", source: PackageResources.tick_lua)
    package static let reap = Script(name: "reap", source: PackageResources.reap_lua)
    package static let adopt = Script(name: "adopt", source: PackageResources.adopt_lua)
    package static let unpark = Script(name: "unpark", source: PackageResources.unpark_lua)
    package static let count = Script(name: "count", source: PackageResources.count_lua)
    package static let publish = Script(name: "publish", source: PackageResources.publish_lua)
    package static let cancel = Script(name: "cancel", source: PackageResources.cancel_lua)
    package static let dead = Script(name: "dead", source: PackageResources.dead_lua)
    package static let deadPage = Script(
        name: "dead_page", source: PackageResources.dead_page_lua)
    package static let promote = Script(name: "promote", source: PackageResources.promote_lua)
    package static let unlock = Script(name: "unlock", source: PackageResources.unlock_lua)
    package static let take = Script(name: "take", source: PackageResources.take_lua)
    package static let close = Script(name: "close", source: PackageResources.close_lua)
    package static let claim = Script(name: "claim", source: PackageResources.claim_lua)
    package static let pause = Script(name: "pause", source: PackageResources.pause_lua)
    package static let purge = Script(name: "purge", source: PackageResources.purge_lua)
    package static let find = Script(name: "find", source: PackageResources.find_lua)
    package static let locate = Script(name: "locate", source: PackageResources.locate_lua)
    package static let reschedule = Script(
        name: "reschedule", source: PackageResources.reschedule_lua)
    package static let fire = Script(name: "fire", source: PackageResources.fire_lua)
    package static let due = Script(name: "due", source: PackageResources.due_lua)
    package static let schedule = Script(
        name: "schedule", source: PackageResources.schedule_lua)
    package static let flow = Script(name: "flow", source: PackageResources.flow_lua)
    package static let enlist = Script(name: "enlist", source: PackageResources.enlist_lua)
    package static let advance = Script(
        name: "advance", source: including(PackageResources.advance_lua))
    package static let note = Script(name: "note", source: PackageResources.note_lua)
    package static let halt = Script(name: "halt", source: PackageResources.halt_lua)
    package static let revive = Script(name: "revive", source: PackageResources.revive_lua)

    /// `enqueue` for what the end of another job led to: it does not wait for a full server to have
    /// room, which it has when workers go on.
    package static let followUp = Script(
        name: "enqueue",
        source: Array("#!lua flags=allow-oom".utf8) + PackageResources.enqueue_lua.dropFirst(5))

    /// Puts the parts that two of them share in their places.
    private static func including(_ source: [UInt8]) -> [UInt8] {
        var text = String(decoding: source, as: UTF8.self)
        for (name, part) in [
            ("report", PackageResources.report_lua), ("walk", PackageResources.walk_lua),
            ("gather", PackageResources.gather_lua),
        ] {
            text.replace("-- include \(name)\n", with: String(decoding: part, as: UTF8.self))
        }
        return Array(text.utf8)
    }

    /// Loaded by every producer's connection.
    package static let ofClients = [enqueue, enqueueMany, cancel]
    /// Loaded by every worker's connection.
    package static let ofWorkers = [
        cycle, tick, promote, reap, adopt, unpark, count, publish, unlock, take, close, claim,
        due, fire, advance, enlist, note, followUp,
    ]
}
