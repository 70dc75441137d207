package kube

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
)

// The bounds of requests to the API server. Reading needs a few; the rest are writes of statuses, one for each
// object that has changed.
const (
	requestsPerSecond = 50
	requestBurst      = 100
	requestTimeout    = 30 * time.Second
)

// Connect returns how to reach the API server: as kubeconfig has it, or as a container of a pod does if it is "".
func Connect(kubeconfig, userAgent string) (*rest.Config, error) {
	c, err := connection(kubeconfig)
	if err != nil {
		return nil, err
	}
	c.UserAgent, c.QPS, c.Burst = userAgent, requestsPerSecond, requestBurst
	c.WarningHandler = rest.NoWarnings{} // they would go to standard error, past the log
	return c, nil
}

func connection(kubeconfig string) (*rest.Config, error) {
	if kubeconfig != "" {
		return clientcmd.BuildConfigFromFlags("", kubeconfig)
	}
	c, err := rest.InClusterConfig()
	switch {
	case errors.Is(err, rest.ErrNotInCluster):
		return nil, errors.New("this is not a container of a pod: write --kubeconfig FILE")
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%w: the pod needs automountServiceAccountToken: true", err)
	}
	return c, err
}

// client speaks with the API server.
type client struct {
	scheme    *runtime.Scheme
	codecs    serializer.CodecFactory
	params    runtime.ParameterCodec
	groups    map[schema.GroupVersion]*rest.RESTClient
	namespace string // to which lists and watches are restricted, "" for none
	selector  string // of labels, "" for none
}

func newClient(c *rest.Config, namespace, selector string) (*client, error) {
	scheme := newScheme()
	x := &client{
		scheme: scheme, codecs: serializer.NewCodecFactory(scheme), params: runtime.NewParameterCodec(scheme),
		groups: map[schema.GroupVersion]*rest.RESTClient{}, namespace: namespace, selector: selector,
	}
	for _, version := range []schema.GroupVersion{corsdVersion, namespaceKind.version, gatewayVersion} {
		g := rest.CopyConfig(c)
		g.GroupVersion, g.APIPath = &version, "/apis"
		if version.Group == "" {
			g.APIPath = "/api"
		}
		g.NegotiatedSerializer = x.codecs.WithoutConversion()
		g.ContentType, g.AcceptContentTypes = runtime.ContentTypeJSON, runtime.ContentTypeJSON
		r, err := rest.RESTClientFor(g)
		if err != nil {
			return nil, err
		}
		x.groups[version] = r
	}
	return x, nil
}

// verb is what a request does.
type verb string

const (
	verbList  verb = "list"
	verbWatch verb = "watch"
)

// listWatch returns how the objects of a kind are listed and watched. called is told the outcome of each request.
func (x *client) listWatch(k *kind, called func(verb, error)) *cache.ListWatch {
	return &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			list := &resourceList{}
			err := x.get(k, o).Do(ctx).Into(list)
			called(verbList, err)
			return list, err
		},
		WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			o.Watch = true
			w, err := x.get(k, o).Watch(ctx)
			// Older API servers do not stream lists. client-go requests a list then.
			if o.SendInitialEvents == nil || !apierrors.IsInvalid(err) {
				called(verbWatch, err)
			}
			return w, err
		},
	}
}

func (x *client) get(k *kind, o metav1.ListOptions) *rest.Request {
	if k.version == corsdVersion {
		o.LabelSelector = x.selector
	}
	r := x.groups[k.version].Get().Resource(k.plural).VersionedParams(&o, x.params)
	if k.namespaced && x.namespace != "" {
		r = r.Namespace(x.namespace)
	}
	if o.TimeoutSeconds != nil {
		r = r.Timeout(time.Duration(*o.TimeoutSeconds) * time.Second)
	}
	return r
}

// isServed reports whether the API server has a kind: that of a CustomResourceDefinition may not be installed.
func (x *client) isServed(ctx context.Context, k *kind) (bool, error) {
	err := x.get(k, metav1.ListOptions{Limit: 1}).Do(ctx).Error()
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	return err == nil, err
}

// applyStatus sets the status of an object, by server-side apply.
func (x *client) applyStatus(ctx context.Context, k *kind, namespace, name string, body []byte) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	r := x.groups[k.version].Patch(types.ApplyPatchType).Resource(k.plural).SubResource("status").Name(name)
	if k.namespaced {
		r = r.Namespace(namespace)
	}
	return r.Param("fieldManager", fieldManager).Param("force", "true").Body(body).Do(ctx).Error()
}

// fieldManager is the owner of statuses.
const fieldManager = "corsd"

// explain adds to an error of the API server what to do about it.
func (k *kind) explain(err error) error {
	// The URL of a watch differs each time, so that the same error would be logged each time.
	if failed := (*url.Error)(nil); errors.As(err, &failed) {
		err = failed.Err
	}
	switch {
	case apierrors.IsNotFound(err) && k.version == corsdVersion:
		return fmt.Errorf("%w: install the CustomResourceDefinitions of this version of corsd", err)
	case apierrors.IsForbidden(err):
		return fmt.Errorf("%w: grant the ServiceAccount list and watch on %s", err, k.plural)
	case apierrors.IsUnauthorized(err):
		return fmt.Errorf("%w: the token or certificate is not valid for this API server", err)
	}
	return err
}
