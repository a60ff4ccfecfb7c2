#!/usr/bin/env node
import '../dist/hologram-receive.js'
