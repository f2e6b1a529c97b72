/// The value below or at which a share of the samples lies: nearest rank, no interpolation.
///
/// - Parameter share: 0.5 for the median, 0.999 for p999; 1 is the largest.
/// - Returns: Nil for no samples.
func percentile<Value: Comparable>(_ share: Double, ofSorted samples: [Value]) -> Value? {
    guard !samples.isEmpty else { return nil }
    let rank = (share * Double(samples.count)).rounded(.up)
    return samples[min(samples.count, max(1, Int(rank))) - 1]
}

/// The middle of the samples, the mean of the two middle ones of an even number.
func median(_ samples: [Double]) -> Double? {
    guard !samples.isEmpty else { return nil }
    let sorted = samples.sorted()
    let middle = sorted.count / 2
    return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/// Rounded to three decimals, and to a whole number from 1,000 on: more digits are noise.
func rounded(_ value: Double) -> Double {
    guard value.isFinite else { return 0 }
    return value.magnitude >= 1000 ? value.rounded() : (value * 1000).rounded() / 1000
}
