internal import RedisLink

/// Times a fixed span apart, on a grid that starts in 1970: all processes agree on it without
/// having started together.
struct Every: Sendable, Hashable {
    /// ms, 1 s to 366 days.
    let interval: Int
    /// ms, 0 up to the interval: moves the grid.
    let offset: Int

    static let intervals: ClosedRange<Int> = 1000...366 * 86_400_000

    /// - Throws: `ScheduleError` for what is out of bounds.
    init(_ interval: Duration, offset: Duration) throws(ScheduleError) {
        self.interval = interval.milliseconds
        self.offset = offset.milliseconds
        guard Self.intervals.contains(self.interval) else {
            throw ScheduleError("every \(interval): it must be 1 s to 366 days")
        }
        guard offset >= .zero, offset < interval else {
            throw ScheduleError("offset \(offset): it must be 0 s up to the interval, \(interval)")
        }
    }

    /// The first time of the grid after another, ms since 1970.
    func next(after time: Int) -> Int {
        (time - offset).floorDivided(by: interval).quotient * interval + interval + offset
    }
}
