/// The lock that one schedule's jobs take, so that two of them do not run at once.
///
/// Taken by `fire.lua` with the job; let go by the script that ends the job, as its envelope says.
struct OverlapLock: Sendable, Hashable {
    /// Of `unique:<key>`; a long name stands as its digest.
    let key: String
    /// It lapses after a day: for a job that was deleted by hand, or runs longer.
    let milliseconds = 86_400_000

    init(schedule: String) {
        let name = "schedule." + schedule
        let isName = (try? NameError.check(name, as: .unique)) != nil
        key = isName ? name : sha1Hex(Array(name.utf8))
    }

    /// What the envelope of the job that holds it says.
    var unique: UniqueLock { UniqueLock(key: key, end: .done, milliseconds: milliseconds) }
}
