#!/usr/bin/env node
import '../dist/hologram-send.js'
