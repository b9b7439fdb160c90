// Package plot draws small charts as SVG: [Bars] around a middle, [Stack] of parts and
// [Lines]. A chart is a pure function of its fields. It has labelled axes, a legend,
// and colours for light and dark surroundings (prefers-color-scheme).
package plot
