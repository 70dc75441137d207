package origin

// Tenant is a label that the host of a request bound to a name. The zero Tenant
// is bound to nothing.
type Tenant struct {
	Name  string
	Label []byte
}
