// Package exchange is one HTTP exchange without a transport: it decides on the request, and then
// either answers in upstream's place, or lets the request continue and edits the response. It also
// reports to observers, the panics that an adapter has recovered from included, and warns of
// settings that a profile cannot carry out.
//
// Adapters fill an [Exchange] from the messages of their protocol and send its results. The package
// knows no gRPC and no message of Envoy, and contains no rule of CORS.
package exchange
