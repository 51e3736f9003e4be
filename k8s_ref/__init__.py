"""Kubernetes, readable and runnable · 可读、可运行的 Kubernetes"""
