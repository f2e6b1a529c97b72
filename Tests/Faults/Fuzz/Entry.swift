#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

#if FUZZING
    /// Which target libFuzzer's inputs go to.
    private let target = getenv("FUZZ_TARGET").flatMap { FuzzTarget(rawValue: String(cString: $0)) }

    /// libFuzzer calls this for each input.
    @_cdecl("LLVMFuzzerTestOneInput")
    public func fuzzOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
        // A fuzzer that would try nothing must not look like one that found nothing.
        guard let target else { fatalError("set FUZZ_TARGET to replies or envelope") }
        target.run(UnsafeRawBufferPointer(start: start, count: count))
        return 0
    }
#else
    /// Without libFuzzer: runs files through a target, such as inputs that were found once.
    @main
    struct Replay {
        static func main() {
            let words = CommandLine.arguments
            guard words.count > 2, let target = FuzzTarget(rawValue: words[1]) else {
                print("usage: FuzzReplay replies|envelope FILE...")
                exit(64)
            }
            for path in words.dropFirst(2) {
                guard let file = fopen(path, "r") else {
                    perror(path)
                    exit(66)
                }
                var bytes = [UInt8](repeating: 0, count: 1 << 20)
                let count = fread(&bytes, 1, bytes.count, file)
                fclose(file)
                bytes.withUnsafeBytes {
                    target.run(UnsafeRawBufferPointer(rebasing: $0[..<count]))
                }
            }
        }
    }
#endif
