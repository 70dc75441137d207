//go:build !cgo

// Command corsd-module needs a C compiler: make module.
package main

func main() {}
