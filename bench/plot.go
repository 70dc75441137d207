package main

import (
	"bytes"
	"image/color"
	"os"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Colours that are readable on white and on black: the plots have no background of their own.
var (
	ink    = color.RGBA{0x80, 0x80, 0x80, 0xff}
	ours   = color.RGBA{0x2f, 0x81, 0xd6, 0xff}
	limits = color.RGBA{0xd9, 0x4f, 0x3a, 0xff}
)

// plotRatios draws the rows that are ratios: the median with its range, and the bound.
func plotRatios(rows []row, path string) error {
	p := newPlot()
	p.X.Label.Text = "ratio: less is better; the red mark is the bound"
	p.X.Min, p.X.Max = 0, widest
	var names []string
	var medians, bounds plotter.XYs
	for i := len(rows) - 1; i >= 0; i-- {
		r := rows[i]
		if r.Unit != "ratio" {
			continue
		}
		y := float64(len(names))
		name := r.Name + " / " + r.Against
		if r.Median > widest {
			name += ": " + r.number(r.Median)
		}
		names = append(names, name)
		medians = append(medians, plotter.XY{X: min(r.Median, widest), Y: y})
		if r.Bound != unbounded {
			bounds = append(bounds, plotter.XY{X: r.Bound, Y: y})
		}
		line, err := plotter.NewLine(plotter.XYs{{X: min(r.Low, widest), Y: y}, {X: min(r.High, widest), Y: y}})
		if err != nil {
			return err
		}
		line.Color, line.Width = ours, vg.Points(2)
		p.Add(line)
	}
	for _, points := range []struct {
		at    plotter.XYs
		color color.Color
		shape draw.GlyphDrawer
	}{{medians, ours, draw.CircleGlyph{}}, {bounds, limits, draw.PlusGlyph{}}} {
		s, err := plotter.NewScatter(points.at)
		if err != nil {
			return err
		}
		s.GlyphStyle = draw.GlyphStyle{Color: points.color, Radius: vg.Points(4), Shape: points.shape}
		p.Add(s)
	}
	p.NominalY(names...)
	p.Y.Min, p.Y.Max = -0.6, float64(len(names))-0.4
	p.Y.Padding = vg.Points(14)
	return save(p, 11*vg.Inch, vg.Length(len(names))*0.3*vg.Inch+0.8*vg.Inch, path)
}

// widest is the largest ratio on the axis. A larger one is drawn at the edge, with its number:
// a longer axis would make all others look alike.
const widest = 2.5

// newPlot returns a plot without a background. Its axes and text have a colour that is readable
// on every page.
func newPlot() *plot.Plot {
	p := plot.New()
	p.BackgroundColor = nil
	p.Title.TextStyle.Color = ink
	for _, axis := range []*plot.Axis{&p.X, &p.Y} {
		axis.Color, axis.Label.TextStyle.Color = ink, ink
		axis.Tick.Color, axis.Tick.Label.Color = ink, ink
		axis.Label.TextStyle.Font.Variant, axis.Tick.Label.Font.Variant = "Sans", "Sans"
	}
	p.Legend.TextStyle.Color, p.Legend.TextStyle.Font.Variant = ink, "Sans"
	return p
}

// save writes a plot as SVG. The text is placed by the widths of one font, which few machines
// have. The other fonts named here are as wide.
func save(p *plot.Plot, width, height vg.Length, path string) error {
	if err := p.Save(width, height, path); err != nil {
		return err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	const font = "font-family:Liberation Sans"
	text = bytes.ReplaceAll(text, []byte(font), []byte(font+",Arimo,Arial,Helvetica,sans-serif"))
	return os.WriteFile(path, text, 0o644)
}

// plotGateway draws the processor time of a request, of Envoy and server together, divided by
// the one without a filter.
func plotGateway(results []gatewayResult, path string) error {
	p := newPlot()
	p.Y.Label.Text = "CPU per request, no filter = 1"
	p.Y.Min = 0
	var names []string
	folds := strings.NewReplacer(", ", "\n", " for ", "\n", " that ", "\nthat ")
	width := vg.Points(12)
	for i, k := range kinds() {
		var values plotter.Values
		for _, r := range results {
			if r.Kind != k.name {
				continue
			}
			values = append(values, r.Saturated.Relative)
			if i == 0 {
				names = append(names, folds.Replace(r.Variant))
			}
		}
		bars, err := plotter.NewBarChart(values, width)
		if err != nil {
			return err
		}
		bars.Color = []color.Color{ink, ours, limits}[i]
		bars.LineStyle.Width = 0
		bars.Offset = vg.Length(i-1) * width
		p.Add(bars)
		p.Legend.Add(k.name, bars)
	}
	p.Legend.Top, p.Legend.Left, p.Legend.Padding = true, true, vg.Points(3)
	p.NominalX(names...)
	p.X.Min, p.X.Max = -0.5, float64(len(names))-0.2
	p.Y.Max *= 1.15
	return save(p, vg.Length(len(names))*1.4*vg.Inch, 4.5*vg.Inch, path)
}
