package import RedisLink

/// The Lua scripts, compiled into the binary from `Scripts/*.lua`.
package enum Scripts {
    package static let enqueue = script("enqueue", PackageResources.enqueue_lua)
    package static let enqueueMany = script("enqueue_many", PackageResources.enqueue_many_lua)
    package static let cycle = script("cycle", PackageResources.cycle_lua)
    package static let tick = script("tick", PackageResources.tick_lua)
    package static let reap = script("reap", PackageResources.reap_lua)
    package static let adopt = script("adopt", PackageResources.adopt_lua)
    package static let unpark = script("unpark", PackageResources.unpark_lua)
    package static let count = script("count", PackageResources.count_lua)
    package static let publish = script("publish", PackageResources.publish_lua)
    package static let cancel = script("cancel", PackageResources.cancel_lua)
    package static let dead = script("dead", PackageResources.dead_lua)
    package static let deadPage = script("dead_page", PackageResources.dead_page_lua)
    package static let promote = script("promote", PackageResources.promote_lua)
    package static let unlock = script("unlock", PackageResources.unlock_lua)
    package static let take = script("take", PackageResources.take_lua)
    package static let close = script("close", PackageResources.close_lua)
    package static let claim = script("claim", PackageResources.claim_lua)
    package static let pause = script("pause", PackageResources.pause_lua)
    package static let purge = script("purge", PackageResources.purge_lua)
    package static let find = script("find", PackageResources.find_lua)
    package static let locate = script("locate", PackageResources.locate_lua)
    package static let reschedule = script("reschedule", PackageResources.reschedule_lua)
    package static let fire = script("fire", PackageResources.fire_lua)
    package static let due = script("due", PackageResources.due_lua)
    package static let schedule = script("schedule", PackageResources.schedule_lua)
    package static let flow = script("flow", PackageResources.flow_lua)
    package static let enlist = script("enlist", PackageResources.enlist_lua)
    package static let advance = script("advance", PackageResources.advance_lua)
    package static let note = script("note", PackageResources.note_lua)
    package static let halt = script("halt", PackageResources.halt_lua)
    package static let revive = script("revive", PackageResources.revive_lua)

    /// `enqueue` for what the end of another job led to: it does not wait for a full server to have
    /// room, which it has when workers go on.
    package static let followUp = script(
        "enqueue", Array("#!lua flags=allow-oom".utf8) + PackageResources.enqueue_lua.dropFirst(5))

    /// Puts the parts that several of them share in their places.
    private static func script(_ name: String, _ source: [UInt8]) -> Script {
        var text = String(decoding: source, as: UTF8.self)
        for (part, lines) in parts { text.replace("-- include \(part)\n", with: lines) }
        return Script(name: name, source: Array(text.utf8))
    }

    /// Those that have parts themselves first.
    private static let parts = [
        ("report", PackageResources.report_lua), ("walk", PackageResources.walk_lua),
        ("gather", PackageResources.gather_lua), ("place", PackageResources.place_lua),
    ].map { ($0, String(decoding: $1, as: UTF8.self)) }

    /// Loaded by every producer's connection.
    package static let ofClients = [enqueue, enqueueMany, cancel]
    /// Loaded by every worker's connection.
    package static let ofWorkers = [
        cycle, tick, promote, reap, adopt, unpark, count, publish, unlock, take, close, claim,
        due, fire, advance, enlist, note, followUp,
    ]
}
