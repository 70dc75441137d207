package main

var (
	module = []string{"./pkg/dynmodule"}
	hosts  = []string{"./internal/modulehost"}
)

// ofModules are mistakes of the dynamic module.
var ofModules = []mutation{
	{
		name: "upstream's exposed headers are lost under Merge, if the response is not seen",
		file: "pkg/policy/response.go", packages: engine,
		from: "d.Outcome == Granted && (d.conduct.UpstreamHeaders == plan.Merge || d.readsNames()) {",
		to:   "d.Outcome == Granted && d.readsNames() {",
	},
	{
		name: "with rules by origin a response is edited without its status",
		file: "pkg/policy/response.go", packages: engine,
		from: "d.Class == ClassPreflight || d.mixesOrigins() ||\n", to: "d.Class == ClassPreflight ||\n",
	},
	{
		name: "upstream's Timing-Allow-Origin stays, if the response is not seen",
		file: "pkg/policy/response.go", packages: engine,
		from: "if d.setsTiming() && !a.mentions(timingAllowOrigin) {", to: "if false {",
	},
	{
		name: "a panic leaves upstream's CORS headers",
		file: "pkg/dynmodule/module.go", packages: module,
		from: "Edit, Strip|VaryOrigin|Panicked,", to: "Edit, VaryOrigin|Panicked,",
	},
	{
		name: "upstream's CORS headers stay, if the response is not seen",
		file: "pkg/dynmodule/module.go", packages: module,
		from: "	flags := Strip\n", to: "	flags := uint8(0)\n",
	},
	{
		name: "a response does not vary, if it is not seen",
		file: "pkg/dynmodule/module.go", packages: module,
		from: "		flags |= VaryOrigin\n", to: "		_ = addOrigin\n",
	},
	{
		name: "remembered grants outlive an origin set",
		file: "internal/modulehost/stats.go", packages: hosts,
		from: "Expired() { s.change(func(*Stats) {}) }", to: "Expired() {}",
	},
	{
		name: "a snapshot makes policies with faults valid",
		file: "internal/modulehost/host.go", packages: hosts,
		from: "		c.Snapshot, c.Admin = \"\", \"\"\n", to: "		c.Admin = \"\"\n",
	},
	{
		name: "the admin port of a module is served to everybody",
		file: "internal/modulehost/admin.go", packages: hosts,
		from: "err != nil || !ip.IsLoopback() {", to: "err != nil || ip.IsUnspecified() {",
	},
}
