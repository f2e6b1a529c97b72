/// What a book notes of those who wait, and of the keys.
extension WatchBook {
    struct Watch {
        let watcher: any KeyWatcher
        var deadline: Int64
        /// A message with the value is to come.
        var isTold: Bool
        /// Its time is up: the next answer is its last.
        var isOver = false
    }

    struct Entry {
        var watches: [ID: Watch] = [:]
        /// The read under way.
        ///
        /// By its number: one for those who left before may still be answered.
        var reading: Int?
        /// That read may be older than a change.
        var isStale = false
        /// The read under way makes the server tell of the next change.
        var isArming = false
        /// The server will tell of the next change.
        var isArmed = false
        /// When it is read again in any case, and how long that was put off last.
        var readAt = Int64.max
        var wait: Int64 = 0
    }
}
