// Command empty does nothing, in the fewest bytes.
package main

func main() {}
