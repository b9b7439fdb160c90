// Package pages has the programs that the pages of docs show, and runs them.
package pages
