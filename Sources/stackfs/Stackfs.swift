@main struct Stackfs { static func main() {} }
